-- Redshift's functions over the engine's. A function `f` that is defined here as `rs_f` is called by
-- that name; the others are either the same in both, or unknown.

-- Text.
create macro rs_len(x) as length(cast(x as varchar));
create macro rs_length(x) as length(cast(x as varchar));
create macro rs_char_length(x) as length(cast(x as varchar));
create macro rs_character_length(x) as length(cast(x as varchar));
create macro rs_textlen(x) as length(cast(x as varchar));
create macro rs_octet_length(x) as strlen(cast(x as varchar));
create macro rs_charindex(part, whole_text) as instr(whole_text, part);
create macro rs_strpos(whole_text, part) as instr(whole_text, part);
create macro rs_btrim(x) as trim(x), (x, characters) as trim(x, characters);
create macro rs_lpad(x, n) as case when n <= 0 then '' else lpad(cast(x as varchar), cast(n as integer), ' ') end,
    (x, n, fill) as case when n <= 0 then '' when fill = '' then left(x, n) else lpad(cast(x as varchar), cast(n as integer), fill) end;
create macro rs_rpad(x, n) as case when n <= 0 then '' else rpad(cast(x as varchar), cast(n as integer), ' ') end,
    (x, n, fill) as case when n <= 0 then '' when fill = '' then left(x, n) else rpad(cast(x as varchar), cast(n as integer), fill) end;
create macro rs_left(x, n) as case when n < 0 then error('negative substring length not allowed') else left(cast(x as varchar), n) end;
create macro rs_right(x, n) as case when n < 0 then error('negative substring length not allowed') else right(cast(x as varchar), n) end;
create macro rs_repeat(x, n) as repeat(cast(x as varchar), n);
create macro rs_replicate(x, n) as repeat(cast(x as varchar), n);
create macro rs_concat(a, b) as cast(a as varchar) || cast(b as varchar);
create macro rs_split_part(x, delimiter, n) as
    case when n < 1 then error('field position must be greater than zero')
         else split_part(x, delimiter, cast(n as integer)) end;
create macro rs_chr(n) as chr(cast(n as integer));
create macro rs_ascii(x) as case when x = '' then 0 else unicode(x) end;
create macro rs_quote_ident(x) as case when regexp_full_match(x, '[a-z_][a-z0-9_]*') then x else '"' || replace(x, '"', '""') || '"' end;
create macro rs_quote_literal(x) as '''' || replace(x, '''', '''''') || '''';
create macro rs_lower(x) as lower(cast(x as varchar));
create macro rs_upper(x) as upper(cast(x as varchar));
create macro rs_regexp_option(pattern, options) as case when contains(options, 'i') then '(?i)' || pattern else pattern end;
create macro rs_regexp_substr(x, pattern) as regexp_extract(x, pattern),
    (x, pattern, start_at) as regexp_extract(substr(x, start_at), pattern),
    (x, pattern, start_at, occurrence) as coalesce(regexp_extract_all(substr(x, start_at), pattern)[occurrence], ''),
    (x, pattern, start_at, occurrence, options) as coalesce(case when contains(options, 'e')
        then regexp_extract_all(substr(x, start_at), rs_regexp_option(pattern, options), 1)[occurrence]
        else regexp_extract_all(substr(x, start_at), rs_regexp_option(pattern, options))[occurrence] end, '');
create macro rs_regexp_count(x, pattern) as len(regexp_extract_all(x, pattern)),
    (x, pattern, start_at) as len(regexp_extract_all(substr(x, start_at), pattern)),
    (x, pattern, start_at, options) as len(regexp_extract_all(substr(x, start_at), rs_regexp_option(pattern, options)));
create macro rs_regexp_from(x, pattern) as
    case when regexp_matches(x, pattern)
        then length(regexp_extract(x, '(?s)^(.*?)(?:' || pattern || ')', 1)) + 1 else 0 end;
create macro rs_regexp_instr(x, pattern) as rs_regexp_from(x, pattern),
    (x, pattern, start_at) as case when rs_regexp_from(substr(x, start_at), pattern) = 0 then 0
        else rs_regexp_from(substr(x, start_at), pattern) + start_at - 1 end;
create macro rs_regexp_replace(x, pattern) as regexp_replace(x, pattern, '', 'g'),
    (x, pattern, replacement) as regexp_replace(x, pattern, replacement, 'g'),
    (x, pattern, replacement, start_at) as
        left(x, start_at - 1) || regexp_replace(substr(x, start_at), pattern, replacement, 'g'),
    (x, pattern, replacement, start_at, options) as
        left(x, start_at - 1) || regexp_replace(substr(x, start_at), rs_regexp_option(pattern, options), replacement, 'g');
create macro rs_translate(x, source, target) as translate(x, source, target);

-- Hashes.
create macro rs_sha(x) as sha1(x);
create macro rs_sha1(x) as sha1(x);
create macro rs_func_sha1(x) as sha1(x);
create macro rs_to_hex(n) as lower(to_hex(n));

-- Numbers.
create macro rs_nonzero(x) as case when x = 0 then error('division by zero') else x end;
create macro rs_mod(a, b) as a % rs_nonzero(b);
create macro rs_dlog1(x) as ln(x);
create macro rs_dlog10(x) as log10(x);
create macro rs_log(x) as log10(x), (b, x) as ln(x) / ln(b);
create macro rs_dexp(x) as exp(x);
create macro rs_dsqrt(x) as sqrt(x);
create macro rs_power(a, b) as power(a, b);
create macro rs_pow(a, b) as power(a, b);
create macro rs_round(x) as round(x), (x, n) as round(x, cast(n as integer));
create macro rs_trunc(x) as trunc(x), (x, n) as trunc(x, cast(n as integer));
create macro rs_cbrt(x) as case when power(round(cbrt(x)), 3) = x then round(cbrt(x)) else cbrt(x) end;
create macro rs_random() as random();
create macro rs_difference(a, b) as cast(len(list_filter(range(1, 5), i -> substr(rs_soundex(a), i, 1) = substr(rs_soundex(b), i, 1))) as integer);


-- Dates and times.
create macro rs_getdate() as date_trunc('second', cast(now() as timestamp));
create macro rs_sysdate() as cast(now() as timestamp);
create macro rs_now() as now();
create macro rs_timeofday() as strftime(now(), '%a %b %d %H:%M:%S.%f %Y UTC');
create macro rs_last_day(x) as last_day(cast(x as timestamp));
create macro rs_add_months(x, n) as
    case when cast(x as date) = last_day(cast(x as date))
         then last_day(cast(x as date) + to_months(cast(n as integer))) + (cast(x as timestamp) - date_trunc('day', cast(x as timestamp)))
         else cast(x as timestamp) + to_months(cast(n as integer)) end;
create macro rs_months_between(a, b) as
    case when day(cast(a as timestamp)) = day(cast(b as timestamp))
           or (cast(a as date) = last_day(cast(a as date)) and cast(b as date) = last_day(cast(b as date)))
         then cast((year(cast(a as timestamp)) - year(cast(b as timestamp))) * 12 + month(cast(a as timestamp)) - month(cast(b as timestamp)) as double)
         else (year(cast(a as timestamp)) - year(cast(b as timestamp))) * 12 + month(cast(a as timestamp)) - month(cast(b as timestamp))
            + (epoch(cast(a as timestamp)) % 86400 + 86400.0 * day(cast(a as timestamp)) - epoch(cast(b as timestamp)) % 86400 - 86400.0 * day(cast(b as timestamp))) / (31 * 86400.0) end;
create macro rs_next_day(x, weekday) as
    cast(x as date) + cast((7 + case lower(left(weekday, 2))
        when 'su' then 0 when 'mo' then 1 when 'tu' then 2 when 'we' then 3
        when 'th' then 4 when 'fr' then 5 when 'sa' then 6 end
        - dayofweek(cast(x as date)) - 1) % 7 + 1 as integer);
-- An abbreviation is a fixed distance from UTC, summer or not.
create macro rs_zone(zone) as case upper(zone)
    when 'UTC' then 'UTC' when 'GMT' then 'UTC' when 'Z' then 'UTC' when 'WET' then 'UTC'
    when 'AST' then 'Etc/GMT+4' when 'EDT' then 'Etc/GMT+4' when 'EST' then 'Etc/GMT+5'
    when 'CDT' then 'Etc/GMT+5' when 'CST' then 'Etc/GMT+6' when 'MDT' then 'Etc/GMT+6'
    when 'MST' then 'Etc/GMT+7' when 'PDT' then 'Etc/GMT+7' when 'PST' then 'Etc/GMT+8'
    when 'AKDT' then 'Etc/GMT+8' when 'AKST' then 'Etc/GMT+9' when 'HST' then 'Etc/GMT+10'
    when 'BST' then 'Etc/GMT-1' when 'CET' then 'Etc/GMT-1' when 'MET' then 'Etc/GMT-1'
    when 'CEST' then 'Etc/GMT-2' when 'EET' then 'Etc/GMT-2' when 'EEST' then 'Etc/GMT-3'
    when 'MSK' then 'Etc/GMT-3' when 'SGT' then 'Etc/GMT-8' when 'JST' then 'Etc/GMT-9'
    when 'KST' then 'Etc/GMT-9' when 'AEST' then 'Etc/GMT-10'
    else case when contains(zone, '/') then zone
        else error('the time zone "' || zone || '" is not supported by the local warehouse') end end;
create macro rs_convert_timezone(target, x) as cast(x as timestamp) at time zone 'UTC' at time zone rs_zone(target),
    (source, target, x) as cast(x as timestamp) at time zone rs_zone(source) at time zone rs_zone(target);
create macro rs_date_cmp(a, b) as cast(sign(cast(a as date) - cast(b as date)) as integer);
create macro rs_timestamp_cmp(a, b) as
    case when cast(a as timestamp) > cast(b as timestamp) then 1 when cast(a as timestamp) < cast(b as timestamp) then -1 else 0 end;
create macro rs_date_cmp_timestamp(a, b) as rs_timestamp_cmp(a, b);
create macro rs_interval_cmp(a, b) as
    case when cast(a as interval) > cast(b as interval) then 1 when cast(a as interval) < cast(b as interval) then -1 else 0 end;
create macro rs_date_part_year(x) as year(cast(x as date));
create macro rs_trunc_date(x) as cast(x as date);
create macro rs_time_in(x, zone) as x at time zone rs_zone(zone);
create macro rs_timezone(zone, x) as x;
create macro rs_time_of(x, zone) as cast(x as timestamp) at time zone rs_zone(zone);

-- What types ask for; the binder writes these.
create macro rs_trimmed(x) as x, (x varchar) as case when suffix(x, ' ') then rtrim(x, ' ') else x end;
create macro rs_nullif(x, y) as case when rs_trimmed(x) = rs_trimmed(y) then null else x end;
create macro rs_char_text(x) as case when strlen(cast(x as varchar)) > length(cast(x as varchar))
    then error('multibyte character not supported for CHAR') else rtrim(cast(x as varchar), ' ') end;
create macro rs_double_text(x) as case when isnan(x) then 'NaN' when isinf(x) then if(x > 0, 'Infinity', '-Infinity') else format('{:.15g}', x) end;
create macro rs_real_text(x) as case when isnan(x) then 'NaN' when isinf(x) then if(x > 0, 'Infinity', '-Infinity') else format('{:.6g}', x) end;
create macro rs_super_text(x) as case json_type(x) when 'VARCHAR' then x ->> '$' when 'NULL' then null else cast(x as varchar) end;
create macro rs_super_number(x) as try_cast(x ->> '$' as double);
create macro rs_integer_text(x) as case when regexp_full_match(x, '\s*[+-]?[0-9]+\s*') then x
    else error('invalid input syntax for integer: "' || x || '"') end;
create macro rs_integer_or_null(x) as case when regexp_full_match(x, '\s*[+-]?[0-9]+\s*') then x end;
create macro rs_date_text(x) as rs_recognise(x);
create macro rs_time_text(x) as rs_recognise(x);
create macro rs_unscaled(x, power) as cast(x * power as hugeint);
create macro rs_digits_of(x, power) as cast(replace(cast(x as varchar), '.', '') as hugeint);
create macro rs_quotient(a, b, power, unit) as
    cast((a * cast(power as hugeint)) // rs_nonzero(cast(b as hugeint)) as decimal(38, 0)) * unit;

-- JSON and SUPER.
create macro rs_strict_json(x, kind) as rs_json_valid(x) and starts_with(trim(x), kind);
create macro rs_is_valid_json(x) as rs_strict_json(x, '{');
create macro rs_is_valid_json_array(x) as rs_strict_json(x, '[');
create macro rs_must_be_array(x, null_if_invalid) as case when rs_strict_json(x, '[') then x
    when null_if_invalid then null else error('JSON parsing error: invalid json array object ' || x) end;
create macro rs_json_array_length(x) as json_array_length(rs_must_be_array(x, false)),
    (x, null_if_invalid) as json_array_length(rs_must_be_array(x, null_if_invalid));
create macro rs_json_extract_array_element_text(x, i) as
        case when i >= 0 then json_extract_string(rs_must_be_array(x, false), '$[' || i || ']') end,
    (x, i, null_if_invalid) as
        case when i >= 0 then json_extract_string(rs_must_be_array(x, null_if_invalid), '$[' || i || ']') end;
create macro rs_json_parse(x) as json(case when rs_json_valid(x) then x else error('JSON parsing error: invalid json ' || x) end);
create macro rs_can_json_parse(x) as rs_json_valid(x);
create macro rs_json_serialize(x) as cast(x as varchar);
create macro rs_json_typeof(x) as case json_type(x)
    when 'OBJECT' then 'object' when 'ARRAY' then 'array' when 'VARCHAR' then 'string'
    when 'BOOLEAN' then 'boolean' when 'NULL' then 'null' else 'number' end;
create macro rs_is_array(x) as coalesce(json_type(x) = 'ARRAY', false);
create macro rs_is_object(x) as coalesce(json_type(x) = 'OBJECT', false);
create macro rs_is_varchar(x) as coalesce(json_type(x) = 'VARCHAR', false);
create macro rs_is_boolean(x) as coalesce(json_type(x) = 'BOOLEAN', false);
create macro rs_json_number(x, least, most) as json_type(x) in ('BIGINT', 'UBIGINT') and try_cast(x as hugeint) between least and most;
create macro rs_is_scalar(x) as coalesce(json_type(x) not in ('ARRAY', 'OBJECT'), false);
create macro rs_is_smallint(x) as coalesce(rs_json_number(x, -32768, 32767), false);
create macro rs_is_integer(x) as coalesce(rs_json_number(x, -2147483648, 2147483647), false);
create macro rs_is_bigint(x) as coalesce(json_type(x) in ('BIGINT', 'UBIGINT'), false);
create macro rs_array_concat(a, b) as to_json(list_concat(cast(a as json[]), cast(b as json[])));
create macro rs_array_flatten(x) as to_json(flatten(list_transform(cast(x as json[]),
    i -> case json_type(i) when 'ARRAY' then cast(i as json[]) else [i] end)));
create macro rs_subarray(x, start, n) as to_json(list_slice(cast(x as json[]), start + 1, start + n));
create macro rs_split_to_array(x) as to_json(string_split(x, ',')), (x, delimiter) as to_json(string_split(x, delimiter));
create macro rs_json_size(x) as strlen(cast(x as varchar));
create macro rs_elements(x) as case when x is null then [] when json_type(x) = 'ARRAY' then cast(x as json[])
    else error('unnesting a SUPER value that is no array is not supported by the local warehouse') end;
create macro rs_listed(x) as case when strlen(x) > 65535 then error('Result size exceeds LISTAGG limit') else x end;
create macro rs_from_hex(x) as unhex(x);
create macro rs_bpcharcmp(a, b) as cast(case when rtrim(a, ' ') > rtrim(b, ' ') then 1 when rtrim(a, ' ') < rtrim(b, ' ') then -1 else 0 end as integer);
create macro rs_get_array_length(x) as json_array_length(x);
create macro rs_size(x) as strlen(cast(x as varchar));

-- The session.
create macro rs_version() as 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2 20041017 (Red Hat 3.4.2-6.fc3), Redshift 1.0 (local)';
create macro rs_current_database() as current_database();
create macro rs_current_schema() as 'public', (x) as 'public';
create macro rs_current_schemas(x) as ['pg_catalog', 'public'];
create macro rs_current_user_id() as 100;
-- Whether a user has a privilege; an error for a user who does not exist.
create macro rs_has_grant(u, k, s, n, p) as case
    when not exists (select 1 from {database}.redshift_local.principals where principal = 'user:' || lower(u))
        then error('user "' || u || '" does not exist')
    else exists (select 1 from {database}.redshift_local.principals where principal = 'user:' || lower(u) and superuser)
        or exists (select 1 from {database}.redshift_local.owners as o where k in ('table', 'schema') and o.schema_name = s and o.name = n and o.owner = lower(u))
        or exists (
            select 1 from {database}.redshift_local.grants as g
            where g.kind = k and g.schema_name = s and (g.name = n or (k = 'assumerole' and g.name = 'all'))
                and (g.privilege = replace(lower(p), 'temp', 'temporary') or g.privilege = lower(p) or (k = 'assumerole' and g.privilege = 'all'))
                and (g.grantee in ('public', 'user:' || lower(u)) or exists (
                    select 1 from {database}.redshift_local.members as m where m.principal = g.grantee and m.member = 'user:' || lower(u)
                ))
        )
    end;
create macro rs_has_table_privilege(a, b) as rs_has_grant(getvariable('user_name'), 'table', split_part(a, '.', 1), split_part(a, '.', 2), b), (u, a, b) as rs_has_grant(u, 'table', split_part(a, '.', 1), split_part(a, '.', 2), b);
create macro rs_has_schema_privilege(a, b) as rs_has_grant(getvariable('user_name'), 'schema', a, '', b), (u, a, b) as rs_has_grant(u, 'schema', a, '', b);
create macro rs_has_database_privilege(a, b) as rs_has_grant(getvariable('user_name'), 'database', '', '', b), (u, a, b) as rs_has_grant(u, 'database', '', '', b);
create macro rs_has_assumerole_privilege(a, b) as rs_has_grant(getvariable('user_name'), 'assumerole', '', a, b), (u, a, b) as rs_has_grant(u, 'assumerole', '', a, b);
create macro rs_substring(x, start, n) as
    case when n < 0 then error('negative substring length not allowed')
         else substr(x, greatest(start, 1), greatest(0, n + least(start, 1) - 1)) end;
create macro rs_to_date(x, pattern) as cast(rs_parse_time(x, pattern, 0) as date),
    (x, pattern, is_strict) as cast(rs_parse_time(x, pattern, cast(is_strict as bigint)) as date);
create macro rs_to_timestamp(x, pattern) as rs_parse_time(x, pattern, 0) at time zone 'UTC',
    (x, pattern, is_strict) as rs_parse_time(x, pattern, cast(is_strict as bigint)) at time zone 'UTC';
create macro rs_pg_backend_pid() as getvariable('process');
create macro rs_pg_last_copy_count() as getvariable('copy_count');
create macro rs_pg_last_copy_id() as coalesce(getvariable('copy_id'), -1);
create macro rs_pg_last_unload_count() as getvariable('unload_count');
create macro rs_pg_last_unload_id() as coalesce(getvariable('unload_id'), -1);
create macro rs_pg_last_query_id(answer) as answer;
create macro rs_current_setting(answer) as answer;

//! The names that an expression can use.

use sqlparser::ast::{Expr, Ident, SelectItem};

use super::Field;
use crate::dialect::types::ColumnType;

/// One relation of a FROM clause.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) alias: String,
    /// Its columns, if they are known.
    pub(super) fields: Option<Vec<Field>>,
}

impl Relation {
    /// Whether it has this column, as far as is known.
    pub(super) fn has(&self, column: &str) -> bool {
        self.fields.iter().flatten().any(|field| field.name == column)
    }
}

/// The names of one query.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) relations: Vec<Relation>,
    /// Columns of the select list so far.
    pub(super) aliases: Vec<Field>,
    pub(super) sees_aliases: bool,
    /// Columns that joins make one of two.
    pub(super) merged: Vec<String>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { relations: Vec::new(), aliases: Vec::new(), sees_aliases: true, merged: Vec::new() }
    }
}

/// What a name was found to be.
#[derive(Debug)]
pub(super) enum Found {
    /// A column: which relation's, and its type.
    Column(usize, Option<ColumnType>),
    Alias(Option<ColumnType>),
    /// Perhaps a column of a relation whose columns are not known.
    Unknown,
    /// An alias of the select list, where Redshift does not see one.
    HiddenAlias,
    Nothing,
}

impl Scope {
    /// The columns of `*` or `alias.*`, if they are known.
    pub(super) fn fields(&self, alias: Option<&str>) -> Option<Vec<Field>> {
        if !self.merged.is_empty() && alias.is_none() {
            return None;
        }
        let mut fields = Vec::new();
        for relation in &self.relations {
            if alias.is_none_or(|alias| relation.alias == alias) {
                fields.extend(relation.fields.clone()?);
            }
        }
        Some(fields)
    }

    /// Writes out a `*` over merged columns: these come first.
    pub(super) fn write_out(&self, items: &mut Vec<SelectItem>) {
        let is_star = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
        let known = self.relations.iter().all(|relation| relation.fields.is_some());
        if self.merged.is_empty() || !known || !items.iter().any(is_star) {
            return;
        }
        let ident = |name: &str| Ident::with_quote('"', name);
        let merged = self.merged.iter().map(|name| Expr::Identifier(ident(name)));
        let others = self.relations.iter().flat_map(|relation| {
            let fields = relation.fields.iter().flatten();
            let fields = fields.filter(|field| !self.merged.contains(&field.name));
            fields.map(|field| {
                Expr::CompoundIdentifier(vec![ident(&relation.alias), ident(&field.name)])
            })
        });
        let all: Vec<SelectItem> = merged.chain(others).map(SelectItem::UnnamedExpr).collect();
        let items_before = std::mem::take(items);
        items.extend(items_before.into_iter().flat_map(|item| match item {
            item if is_star(&item) => all.clone(),
            item => vec![item],
        }));
    }

    pub(super) fn find(&self, qualifier: Option<&str>, name: &str) -> Found {
        let mut unknown = false;
        for (position, relation) in self.relations.iter().enumerate() {
            if qualifier.is_some_and(|qualifier| relation.alias != qualifier) {
                continue;
            }
            match &relation.fields {
                None => unknown = true,
                Some(fields) => {
                    if let Some(field) = fields.iter().find(|field| field.name == name) {
                        return Found::Column(position, field.kind.clone());
                    }
                }
            }
        }
        if unknown {
            return Found::Unknown;
        }
        match self.aliases.iter().find(|field| qualifier.is_none() && field.name == name) {
            Some(field) if self.sees_aliases => Found::Alias(field.kind.clone()),
            Some(_) => Found::HiddenAlias,
            None => Found::Nothing,
        }
    }

    /// A column of a select list, with the table that it comes from.
    pub(super) fn described(
        &self,
        expression: &Expr,
        name: String,
        kind: Option<ColumnType>,
    ) -> Field {
        let (qualifier, column) = match expression {
            Expr::Identifier(column) => (None, column),
            Expr::CompoundIdentifier(parts) if parts.len() == 2 => (Some(&parts[0]), &parts[1]),
            _ => return Field::new(name, kind),
        };
        let mut relations = self
            .relations
            .iter()
            .filter(|relation| qualifier.is_none_or(|qualifier| relation.alias == qualifier.value));
        let found = relations.find_map(|relation| {
            relation.fields.as_ref()?.iter().find(|field| field.name == column.value)
        });
        match found {
            Some(field) => Field { name, kind, ..field.clone() },
            None => Field::new(name, kind),
        }
    }

    pub(super) fn has_relation(&self, alias: &str) -> bool {
        self.relations.iter().any(|relation| relation.alias == alias)
    }
}

/// The name under which a column without an alias appears.
pub(super) fn last_name(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
        _ => None,
    }
}

/// Words that no unquoted name can be.
const RESERVED: &str = " aes128 aes256 all allowoverwrite analyse analyze and any array as asc \
    authorization az64 backup between binary blanksasnull both bytedict bzip2 case cast check \
    collate column constraint create credentials cross current_date current_time \
    current_timestamp current_user current_user_id default deferrable deflate defrag delta \
    delta32k desc disable distinct do else emptyasnull enable encode encrypt encryption end \
    except explicit false for foreign freeze from full globaldict256 globaldict64k grant group \
    gzip having identity ignore ilike in initially inner intersect interval into is isnull join \
    language leading left like limit localtime localtimestamp lun luns lzo lzop minus mostly16 \
    mostly32 mostly8 natural new not notnull null nulls off offline offset oid old on only open \
    or order outer overlaps parallel partition percent permissions pivot placing primary raw \
    readratio recover references respect rejectlog resort restore right select session_user \
    similar snapshot some sysdate system table tag tdes text255 text32k then timestamp to top \
    trailing true truncatecolumns union unique unnest unpivot user using verbose wallet when \
    where with without ";

/// Whether a word must be quoted to be a name.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&format!(" {word} "))
}

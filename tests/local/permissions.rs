//! Functions may do only what their roles allow, here as on AWS: every test of this program runs
//! that way. The error names a missing permission for the person who deployed the stack.

use serde_yaml_ng::Value;

use crate::stack::{STACK, Stack, data};

/// Removes every statement with this name from a part of the template.
fn take_away(value: &mut Value, permission: &str) -> usize {
    match value {
        Value::Sequence(items) => {
            let before = items.len();
            items.retain(|item| item["Sid"] != permission);
            let taken = before - items.len();
            taken + items.iter_mut().map(|item| take_away(item, permission)).sum::<usize>()
        }
        Value::Mapping(mapping) => {
            mapping.values_mut().map(|inner| take_away(inner, permission)).sum()
        }
        Value::Tagged(tagged) => take_away(&mut tagged.value, permission),
        _ => 0,
    }
}

/// Deploys the stack without one permission of one holder.
fn deploy_without(stack: &Stack, built: &Value, holder: &str, permission: &str) {
    let mut template = built.clone();
    let taken = take_away(&mut template["Resources"][holder], permission);
    assert_eq!(taken, 1, "{holder} has the permission {permission}");
    stack.change_template(&serde_yaml_ng::to_string(&template).expect("YAML"));
    let output = stack.deploy(&[]);
    assert!(output.contains("Successfully created/updated stack"), "{output}");
}

#[test]
fn a_function_without_a_permission_fails_and_names_it() {
    let stack = Stack::with_own_build();
    let data = data(stack.folder());
    stack.load(&data);
    let mart = stack.mart();
    let built: Value = serde_yaml_ng::from_str(&stack.template()).expect("YAML");
    let machine = stack.cloud().outputs(STACK)["LoadStateMachineArn"].clone();
    let cases = [
        ("FindRole", "ListLandedFiles", "s3:ListBucket"),
        ("FindRole", "WriteCandidates", "s3:PutObject"),
        ("WarehouseRole", "WriteManifests", "s3:PutObject"),
        ("CompactRole", "ReadLandedFiles", "s3:GetObject"),
    ];
    for (holder, permission, action) in cases {
        deploy_without(&stack, &built, holder, permission);
        let input = r#"{"rebuild": true, "compact": "always"}"#;
        let (error, cause) = stack.cloud().failed_run(&machine, input);
        assert_eq!(error, "InvalidConfiguration", "{permission}: {cause}");
        let expected = format!("expected the permission {action}, found AccessDenied");
        assert!(cause.contains(&expected), "{permission}: {cause}");
        assert_eq!(stack.mart(), mart, "{permission}: nothing was published");
    }
}

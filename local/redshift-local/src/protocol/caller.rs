//! Who sends a request, and which database user that makes it.

/// The identity behind a request, by its access key.
///
/// `role.<name>` is a role, `user.<name>` an IAM user; every other key is the account's
/// administrator, who is `awsuser` in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    database_user: Option<String>,
}

impl Caller {
    /// The identity of an access key.
    #[must_use]
    pub fn of_access_key(key: &str) -> Self {
        let database_user = match key.split_once('.') {
            Some(("role", name)) => Some(format!("iamr:{}", name.to_lowercase())),
            Some(("user", name)) => Some(format!("iam:{}", name.to_lowercase())),
            _ => None,
        };
        Self { database_user }
    }

    /// The identity that signed a request, by its `Authorization` header.
    #[must_use]
    pub fn of_authorization(header: Option<&str>) -> Self {
        let scope = header.and_then(|text| text.split("Credential=").nth(1)).unwrap_or_default();
        Self::of_access_key(scope.split('/').next().unwrap_or_default())
    }

    /// The database user that IAM makes of it; `None` for the administrator.
    pub(crate) fn database_user(&self) -> Option<&str> {
        self.database_user.as_deref()
    }
}

//! S3 clients for a landing bucket that may be in a different region from everything else.

use aws_config::SdkConfig;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::endpoint::{DefaultResolver, EndpointFuture, Params, ResolveEndpoint};

use crate::optional_setting;

/// A bucket in a different region from the caller's. S3 answers only in a bucket's own region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The bucket's name.
    pub bucket: String,
    /// Its region.
    pub region: String,
}

impl Elsewhere {
    /// The landing bucket, where `LANDING_REGION` names another region than the function's own.
    pub fn from_environment() -> Option<Self> {
        let own = optional_setting("AWS_REGION");
        let region =
            optional_setting("LANDING_REGION").filter(|region| own.as_ref() != Some(region))?;
        Some(Self { bucket: optional_setting("LANDING_BUCKET")?, region })
    }
}

/// The configuration of a client that calls each bucket in its own region.
pub fn s3_config(config: &SdkConfig, elsewhere: Option<Elsewhere>) -> Builder {
    let builder = Builder::from(config);
    match elsewhere {
        Some(elsewhere) => {
            builder.endpoint_resolver(ByBucket { elsewhere, default: DefaultResolver::new() })
        }
        None => builder,
    }
}

/// The SDK's own rules, with the region of the one bucket in place of the client's.
#[derive(Debug)]
struct ByBucket {
    elsewhere: Elsewhere,
    default: DefaultResolver,
}

impl ResolveEndpoint for ByBucket {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        if params.bucket() != Some(&self.elsewhere.bucket) {
            return self.default.resolve_endpoint(params);
        }
        let moved = Params::builder()
            .bucket(&self.elsewhere.bucket)
            .region(&self.elsewhere.region)
            .set_key(params.key().map(Into::into))
            .set_prefix(params.prefix().map(Into::into))
            .set_endpoint(params.endpoint().map(Into::into))
            .set_force_path_style(params.force_path_style())
            .set_use_fips(params.use_fips())
            .set_use_dual_stack(params.use_dual_stack())
            .build();
        EndpointFuture::new(async move {
            let moved = moved.map_err(Box::<dyn std::error::Error + Send + Sync>::from)?;
            self.default.resolve_endpoint(&moved).await
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region};

    use super::*;

    /// Address and signing region of a call about this bucket.
    async fn place(bucket: &str, endpoint: Option<&str>) -> (String, String) {
        let elsewhere = Elsewhere { bucket: "theirs".into(), region: "eu-west-1".into() };
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"));
        config.set_endpoint_url(endpoint.map(Into::into));
        let config = s3_config(&config.build(), Some(elsewhere)).build();
        let params = Params::builder()
            .bucket(bucket)
            .region("us-east-1")
            .key("a key")
            .set_endpoint(endpoint.map(Into::into))
            .build()
            .expect("complete");
        let params = aws_smithy_runtime_api::client::endpoint::EndpointResolverParams::new(params);
        let endpoint = {
            use aws_smithy_runtime_api::client::endpoint::ResolveEndpoint as _;
            config.endpoint_resolver().resolve_endpoint(&params).await.expect("an endpoint")
        };
        let scheme = endpoint.auth_schemes().first().expect("a scheme");
        let region = scheme.get("signingRegion").and_then(|region| region.as_string());
        let region = region.expect("a region").to_owned();
        (endpoint.url().to_owned(), region)
    }

    #[tokio::test]
    async fn a_bucket_elsewhere_is_asked_in_its_own_region_and_all_others_in_ours() {
        let [theirs, ours] = [place("theirs", None).await, place("ours", None).await];
        assert_eq!(
            theirs,
            ("https://theirs.s3.eu-west-1.amazonaws.com".into(), "eu-west-1".into())
        );
        assert_eq!(ours, ("https://ours.s3.us-east-1.amazonaws.com".into(), "us-east-1".into()));
    }

    #[tokio::test]
    async fn a_custom_endpoint_is_kept() {
        let (url, region) = place("theirs", Some("http://127.0.0.1:4566")).await;
        assert!(url.contains("127.0.0.1:4566"), "{url}");
        assert_eq!(region, "eu-west-1");
    }
}

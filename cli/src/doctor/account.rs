//! What the account provides: how many functions may run at once, and who is notified of a failure.

use aws_sdk_sns::types::Subscription;
use segue_contract::compaction::COMPACT_CONCURRENCY;

use super::finding::Finding;
use crate::{aws, stack::Stack};

/// Functions of a run that may run at the same time as those that merge files.
const OTHER_FUNCTIONS_MAX: u64 = 8;
/// What SNS returns as the ARN of an unconfirmed subscription.
const PENDING: &str = "PendingConfirmation";
/// The code of the quota of concurrent executions in Service Quotas.
const CONCURRENCY_QUOTA: &str = "L-B99A9384";

/// Whether the account lets as many functions run at once as a run can use.
///
/// New accounts start with ten. Runs finish with these, too: throttled calls are retried.
pub async fn concurrency(lambda: &aws_sdk_lambda::Client) -> Finding {
    let check = "concurrency";
    let limit = match lambda.get_account_settings().send().await {
        Ok(settings) => settings.account_limit,
        Err(error) => {
            let problem = aws::problem("read the account's Lambda quotas", error);
            return Finding::unknown(check, problem.message());
        }
    };
    let free = limit.and_then(|limit| limit.unreserved_concurrent_executions);
    let Some(free) = free.and_then(|free| u64::try_from(free).ok()) else {
        return Finding::unknown(check, "Lambda does not say how many functions may run at once");
    };
    let wanted = COMPACT_CONCURRENCY + OTHER_FUNCTIONS_MAX;
    let found = format!("{free} functions of this account may run at once");
    if free >= wanted {
        return Finding::good(check, found);
    }
    Finding::warning(
        check,
        format!("{found}; a run uses up to {wanted}"),
        format!(
            "runs still finish, only slower; to raise the limit: aws service-quotas \
             request-service-quota-increase --service-code lambda --quota-code {CONCURRENCY_QUOTA} \
             --desired-value 1000"
        ),
    )
}

/// Whether anybody is notified of failures: a confirmed subscription to the stack's topic.
pub async fn alerts(sns: &aws_sdk_sns::Client, stack: &Stack) -> Finding {
    let check = "alerts";
    let Some(topic) = stack.alerts_topic() else {
        return Finding::unknown(check, "the stack has no topic for alerts");
    };
    let pages = sns.list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
    let subscriptions: Vec<Subscription> = match pages.collect::<Result<_, _>>().await {
        Ok(subscriptions) => subscriptions,
        Err(error) => {
            let problem = aws::problem("list the subscriptions to the stack's alerts", error);
            return Finding::unknown(check, problem.message());
        }
    };
    let is_pending = |one: &&Subscription| one.subscription_arn() == Some(PENDING);
    let pending: Vec<&str> =
        subscriptions.iter().filter(is_pending).filter_map(Subscription::endpoint).collect();
    if !pending.is_empty() {
        return Finding::warning(
            check,
            format!("{} has not confirmed the subscription yet", pending.join(", ")),
            "open the e-mail from AWS Notifications and confirm; until then no alert arrives",
        );
    }
    // What was deleted or never confirmed stays in the list for days, without an ARN.
    let is_confirmed =
        |one: &&Subscription| one.subscription_arn().is_some_and(|arn| arn.starts_with("arn:"));
    let confirmed: Vec<&str> =
        subscriptions.iter().filter(is_confirmed).filter_map(Subscription::endpoint).collect();
    if confirmed.is_empty() {
        return Finding::warning(
            check,
            "failures go unnoticed: the topic has no subscribers",
            "deploy with AlertEmail=<address>, or subscribe to the topic of the output AlertsTopicArn",
        );
    }
    Finding::good(check, format!("go to {}", confirmed.join(", ")))
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::{
        operation::get_account_settings::GetAccountSettingsOutput, types::AccountLimit,
    };
    use aws_sdk_sns::{
        error::ErrorMetadata,
        operation::list_subscriptions_by_topic::{
            ListSubscriptionsByTopicError, ListSubscriptionsByTopicOutput,
        },
        types::error::AuthorizationErrorException,
    };
    use aws_smithy_mocks::{Rule, mock, mock_client};

    use super::*;

    async fn with_concurrency(limit: Option<i32>) -> Finding {
        let rule = mock!(aws_sdk_lambda::Client::get_account_settings).then_output(move || {
            let limit = AccountLimit::builder().set_unreserved_concurrent_executions(limit).build();
            GetAccountSettingsOutput::builder().account_limit(limit).build()
        });
        concurrency(&mock_client!(aws_sdk_lambda, [&rule])).await
    }

    fn subscribed(subscriptions: &'static [(&str, &str)]) -> Rule {
        mock!(aws_sdk_sns::Client::list_subscriptions_by_topic).then_output(|| {
            let subscriptions = subscriptions.iter().map(|(endpoint, arn)| {
                Subscription::builder().endpoint(*endpoint).subscription_arn(*arn).build()
            });
            let subscriptions = Some(subscriptions.collect());
            ListSubscriptionsByTopicOutput::builder().set_subscriptions(subscriptions).build()
        })
    }

    const CONFIRMED: (&str, &str) = ("jane@example.com", "arn:aws:sns:eu-west-1:1:alerts:5");

    async fn alerts_of(rule: Rule) -> Finding {
        let stack = Stack::of(&[("AlertsTopicArn", "arn:aws:sns:eu-west-1:1:alerts")]);
        alerts(&mock_client!(aws_sdk_sns, [&rule]), &stack).await
    }

    fn line(finding: &Finding) -> String {
        let advice = finding.advice.as_deref().unwrap_or("-");
        format!("{} {}: {} | {advice}", finding.verdict, finding.check, finding.found)
    }

    #[tokio::test]
    async fn a_new_accounts_ten_functions_are_a_warning() {
        insta::assert_snapshot!(line(&with_concurrency(Some(10)).await), @"warning concurrency: 10 functions of this account may run at once; a run uses up to 40 | runs still finish, only slower; to raise the limit: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000");
        insta::assert_snapshot!(line(&with_concurrency(Some(1000)).await), @"good concurrency: 1000 functions of this account may run at once | -");
        insta::assert_snapshot!(line(&with_concurrency(None).await), @"unknown concurrency: Lambda does not say how many functions may run at once | -");
    }

    #[tokio::test]
    async fn an_alert_that_nobody_would_get_is_a_warning() {
        insta::assert_snapshot!(line(&alerts_of(subscribed(&[("jane@example.com", PENDING)])).await), @"warning alerts: jane@example.com has not confirmed the subscription yet | open the e-mail from AWS Notifications and confirm; until then no alert arrives");
        insta::assert_snapshot!(line(&alerts_of(subscribed(&[])).await), @"warning alerts: failures go unnoticed: the topic has no subscribers | deploy with AlertEmail=<address>, or subscribe to the topic of the output AlertsTopicArn");
        let deleted = alerts_of(subscribed(&[("jane@example.com", "Deleted")])).await;
        assert_eq!(deleted.found, "failures go unnoticed: the topic has no subscribers");
        insta::assert_snapshot!(line(&alerts_of(subscribed(&[CONFIRMED])).await), @"good alerts: go to jane@example.com | -");
        let refused = mock!(aws_sdk_sns::Client::list_subscriptions_by_topic).then_error(|| {
            let meta = ErrorMetadata::builder()
                .code("AuthorizationError")
                .message("jane may not sns:ListSubscriptionsByTopic")
                .build();
            let error = AuthorizationErrorException::builder().meta(meta).build();
            ListSubscriptionsByTopicError::AuthorizationErrorException(error)
        });
        insta::assert_snapshot!(line(&alerts_of(refused).await), @"unknown alerts: cannot list the subscriptions to the stack's alerts: jane may not sns:ListSubscriptionsByTopic (AuthorizationError) | -");
    }
}

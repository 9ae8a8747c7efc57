#!/usr/bin/env bash
# Tries this version in an AWS account: acceptance.sh ARCHITECTURE
#
# PARAMETERS names a warehouse and its copy role, as for `make deploy`: WorkgroupArn=<arn>
# CopyRoleArn=<arn>. Creates the stack segue-acceptance and the database segue_acceptance, loads the
# sample, prints what the warehouse answers next to what the code assumes, and removes both.
set -euo pipefail
cd "$(dirname "$0")/.."
case " ${PARAMETERS:-} " in
    *" CopyRoleArn="*) ;;
    *)
        echo "error: expected the warehouse and its copy role, found PARAMETERS=\"${PARAMETERS:-}\"" >&2
        echo 'hint: make acceptance PARAMETERS="WorkgroupArn=<arn> CopyRoleArn=<arn>"' >&2
        exit 2
        ;;
esac

cat >&2 <<END
This deploys the stack segue-acceptance into the account of your AWS credentials, creates the database
segue_acceptance in the warehouse that you named, loads about 100 files four times, and removes everything again.
It takes about 15 minutes. A Serverless workgroup of 8 RPUs bills at least a minute each time it wakes up:
expect about ten such minutes, \$0.50. Everything else costs less than \$0.05.
END
read -r -p 'Go ahead? [y/N] ' answer
[ "$answer" = y ] || exit 1

export SEGUE_ACCEPTANCE_PARAMETERS=$PARAMETERS SEGUE_ACCEPTANCE_ARCHITECTURE=$1
exec cargo test --locked --test local acceptance -- --nocapture

#!/bin/sh
# The `avnu` command as the runbook writes it, with the settings of the operator: install it as
# /usr/local/bin/avnu and call it as root, who alone may read them. The first file wins.
exec /opt/avnu/bin/avnu --env-file /etc/avnu/operator.env --env-file /etc/avnu/avnu.env "$@"

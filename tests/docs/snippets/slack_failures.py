"""A message to Slack for each task that fails, in docs/how-to/report-failures.md."""

from __future__ import annotations

# [START slack_failures]
import html
from typing import Any

from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier
from report_failures import failure_text  # the file above, in the same folder


def send_to_slack(context: Any) -> None:
    """Send the text to the channel of the connection slack_default."""
    text = html.escape(failure_text(context), quote=False)
    SlackWebhookNotifier(slack_webhook_conn_id="slack_default", text=text).notify(context)


# [END slack_failures]

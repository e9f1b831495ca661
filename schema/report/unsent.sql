-- reminders that did not get through, and why
-- since: 7
SELECT account, due, channel, address, state, reason, attempts, item
FROM report_alarms
WHERE due >= $1 AND state IN ('queued', 'failed', 'dropped')
ORDER BY due DESC, account, address

-- reminders by the hour, and how late they were
-- since: 7
SELECT hour, channel, due, within_1s, within_10s, within_60s, late, missed,
  dropped, receipts, p50_ms, p95_ms, max_ms
FROM report_alarm_hourly
WHERE hour >= $1
ORDER BY hour DESC, channel

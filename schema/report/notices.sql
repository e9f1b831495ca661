-- notices that ask devices to sync, and what they did then
-- since: 7
SELECT account, device, collection, channel, state, event, sent, started,
  answer, send_ms, answer_ms, attempts, reason
FROM report_push
WHERE queued >= $1
ORDER BY queued DESC, notice DESC, account, device, collection

-- the last sessions and how they went
-- since: 1
SELECT started, account, device, state, seconds, messages, verdict
FROM report_sessions
WHERE started >= $1
ORDER BY started DESC, account, session DESC

-- who fails, and why
-- since: 7
SELECT account, device, reason,
  CAST(sum(sessions) AS BIGINT) AS sessions, max(last) AS last
FROM report_failures
WHERE last >= $1
GROUP BY account, device, reason
ORDER BY sessions DESC, last DESC, account, device, reason

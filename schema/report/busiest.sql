-- the devices with the most messages
-- since: 7
SELECT account, device, CAST(sum(sessions) AS BIGINT) AS sessions,
  CAST(sum(messages) AS BIGINT) AS messages,
  CAST(sum(received) AS BIGINT) AS received,
  CAST(sum(sent) AS BIGINT) AS sent
FROM report_talkers
WHERE day >= substr($1, 1, 10)
GROUP BY account, device
ORDER BY messages DESC, account, device

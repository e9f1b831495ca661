-- deletes that the brake held back and that nobody decided yet
-- since: 36500
SELECT account, device, collection, session, count(*) AS items,
  min(at) AS held
FROM report_holds
WHERE open = 1 AND at >= $1
GROUP BY account, device, collection, session
ORDER BY held DESC, account, device, collection, session

-- accounts whose password was given wrong
-- since: 7
SELECT account, count(DISTINCT network) AS networks,
  CAST(sum(CASE WHEN what = 'wrong' THEN logins ELSE 0 END) AS BIGINT)
    AS wrong,
  CAST(sum(CASE WHEN what = 'held' THEN logins ELSE 0 END) AS BIGINT)
    AS held, max(last) AS last
FROM report_authentication
WHERE day >= substr($1, 1, 10) AND what <> 'right'
GROUP BY account
ORDER BY wrong DESC, held DESC, account

-- networks that wrong logins came from
-- since: 7
SELECT network,
  CAST(sum(CASE WHEN what = 'wrong' THEN logins ELSE 0 END) AS BIGINT)
    AS wrong,
  CAST(sum(CASE WHEN what = 'held' THEN logins ELSE 0 END) AS BIGINT)
    AS held,
  CAST(sum(CASE WHEN what = 'right' THEN logins ELSE 0 END) AS BIGINT)
    AS right_ones,
  count(DISTINCT account) AS accounts, max(last) AS last
FROM report_authentication
WHERE day >= substr($1, 1, 10)
GROUP BY network
HAVING sum(CASE WHEN what = 'right' THEN 0 ELSE logins END) > 0
ORDER BY wrong DESC, held DESC, network

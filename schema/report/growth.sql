-- what accounts wrote, and what they hold now, the most bytes first
-- since: 30
SELECT g.account AS account, CAST(sum(g.added) AS BIGINT) AS added,
  CAST(sum(g.changed) AS BIGINT) AS changed,
  CAST(sum(g.deleted) AS BIGINT) AS deleted,
  CAST(sum(g.bytes) AS BIGINT) AS bytes_written,
  max(a.items) AS items_now, max(a.bytes) AS bytes_now
FROM report_growth g JOIN report_accounts a ON a.account = g.account
WHERE g.day >= substr($1, 1, 10)
GROUP BY g.account
ORDER BY bytes_written DESC, account

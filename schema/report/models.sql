-- the models of devices that were here
-- since: 36500
SELECT manufacturer, model, software, count(*) AS devices,
  max(last_seen) AS last_seen
FROM report_devices
WHERE last_seen >= $1
GROUP BY manufacturer, model, software
ORDER BY devices DESC, manufacturer, model, software

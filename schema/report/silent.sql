-- devices that did not sync well for so long, the longest first
-- since: 30
SELECT account, device, manufacturer, model, last_seen, last_good_sync
FROM report_devices
WHERE disabled = 0 AND (last_good_sync IS NULL OR last_good_sync < $1)
ORDER BY last_good_sync NULLS FIRST, last_seen, account, device

-- mailboxes that were not looked at since, or where something waits or failed
-- since: 1
SELECT account, state, last_look, next_look, fails, mails, waiting, failed, why
FROM report_mail_accounts
WHERE enabled = 1 AND (state <> 'ok' OR last_look < $1 OR waiting > 0
  OR failed > 0)
ORDER BY account

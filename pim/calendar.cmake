# Calendars: zones, rules, alarms, both dialects.
target_sources(pim PRIVATE
  zone.c zone_rule.c zone_tzif.c zone_names.c zone_vtimezone.c zone_daylight.c
  recur.c recur_simplify.c recur_iter.c recur_old.c span.c alarm.c alarm_answer.c alarm_old.c
  calendar.c calendar_time.c calendar_when.c calendar_tidy.c calendar_write.c
  calendar_compare.c calendar_repair.c calendar_next.c calendar_old_read.c
  calendar_old_words.c calendar_old_write.c)
target_link_libraries(pim PUBLIC Threads::Threads)

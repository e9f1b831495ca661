/*
 * Names of zones that are no Olson names: Microsoft's. The Olson city beside
 * each is the best known one of that zone; the first names of the table are
 * also the order in which zones known by their rules only are tried.
 */
#include "pim/zone_int.h"

struct ms_name {
	const char *ms;
	const char *olson;
};

static const struct ms_name names[] = {
	{ "W. Europe Standard Time", "Europe/Berlin" },
	{ "GMT Standard Time", "Europe/London" },
	{ "FLE Standard Time", "Europe/Helsinki" },
	{ "Eastern Standard Time", "America/New_York" },
	{ "Central Standard Time", "America/Chicago" },
	{ "Mountain Standard Time", "America/Denver" },
	{ "Pacific Standard Time", "America/Los_Angeles" },
	{ "Alaskan Standard Time", "America/Anchorage" },
	{ "Hawaiian Standard Time", "Pacific/Honolulu" },
	{ "US Mountain Standard Time", "America/Phoenix" },
	{ "Atlantic Standard Time", "America/Halifax" },
	{ "Newfoundland Standard Time", "America/St_Johns" },
	{ "Russian Standard Time", "Europe/Moscow" },
	{ "Turkey Standard Time", "Europe/Istanbul" },
	{ "India Standard Time", "Asia/Kolkata" },
	{ "China Standard Time", "Asia/Shanghai" },
	{ "Tokyo Standard Time", "Asia/Tokyo" },
	{ "AUS Eastern Standard Time", "Australia/Sydney" },
	{ "E. South America Standard Time", "America/Sao_Paulo" },
	{ "South Africa Standard Time", "Africa/Johannesburg" },
	{ "W. Central Africa Standard Time", "Africa/Lagos" },
	{ "Arabian Standard Time", "Asia/Dubai" },
	{ "Pakistan Standard Time", "Asia/Karachi" },
	{ "Bangladesh Standard Time", "Asia/Dhaka" },
	{ "SE Asia Standard Time", "Asia/Bangkok" },
	{ "New Zealand Standard Time", "Pacific/Auckland" },
	{ "Cen. Australia Standard Time", "Australia/Adelaide" },
	{ "E. Australia Standard Time", "Australia/Brisbane" },
	{ "AUS Central Standard Time", "Australia/Darwin" },
	{ "W. Australia Standard Time", "Australia/Perth" },
	{ "Tasmania Standard Time", "Australia/Hobart" },
	{ "Central European Standard Time", "Europe/Warsaw" },
	{ "Central Europe Standard Time", "Europe/Budapest" },
	{ "Romance Standard Time", "Europe/Paris" },
	{ "E. Europe Standard Time", "Europe/Chisinau" },
	{ "GTB Standard Time", "Europe/Bucharest" },
	{ "Greenwich Standard Time", "Atlantic/Reykjavik" },
	{ "Morocco Standard Time", "Africa/Casablanca" },
	{ "Israel Standard Time", "Asia/Jerusalem" },
	{ "Egypt Standard Time", "Africa/Cairo" },
	{ "Jordan Standard Time", "Asia/Amman" },
	{ "Middle East Standard Time", "Asia/Beirut" },
	{ "Syria Standard Time", "Asia/Damascus" },
	{ "Namibia Standard Time", "Africa/Windhoek" },
	{ "Libya Standard Time", "Africa/Tripoli" },
	{ "Sudan Standard Time", "Africa/Khartoum" },
	{ "Kaliningrad Standard Time", "Europe/Kaliningrad" },
	{ "Belarus Standard Time", "Europe/Minsk" },
	{ "Arabic Standard Time", "Asia/Baghdad" },
	{ "Arab Standard Time", "Asia/Riyadh" },
	{ "E. Africa Standard Time", "Africa/Nairobi" },
	{ "Iran Standard Time", "Asia/Tehran" },
	{ "Azerbaijan Standard Time", "Asia/Baku" },
	{ "Georgian Standard Time", "Asia/Tbilisi" },
	{ "Caucasus Standard Time", "Asia/Yerevan" },
	{ "Russia Time Zone 3", "Europe/Samara" },
	{ "Mauritius Standard Time", "Indian/Mauritius" },
	{ "Afghanistan Standard Time", "Asia/Kabul" },
	{ "West Asia Standard Time", "Asia/Tashkent" },
	{ "Ekaterinburg Standard Time", "Asia/Yekaterinburg" },
	{ "Sri Lanka Standard Time", "Asia/Colombo" },
	{ "Nepal Standard Time", "Asia/Kathmandu" },
	{ "Central Asia Standard Time", "Asia/Almaty" },
	{ "Omsk Standard Time", "Asia/Omsk" },
	{ "N. Central Asia Standard Time", "Asia/Novosibirsk" },
	{ "Myanmar Standard Time", "Asia/Yangon" },
	{ "North Asia Standard Time", "Asia/Krasnoyarsk" },
	{ "North Asia East Standard Time", "Asia/Irkutsk" },
	{ "Singapore Standard Time", "Asia/Singapore" },
	{ "Taipei Standard Time", "Asia/Taipei" },
	{ "Ulaanbaatar Standard Time", "Asia/Ulaanbaatar" },
	{ "Korea Standard Time", "Asia/Seoul" },
	{ "North Korea Standard Time", "Asia/Pyongyang" },
	{ "Yakutsk Standard Time", "Asia/Yakutsk" },
	{ "Vladivostok Standard Time", "Asia/Vladivostok" },
	{ "West Pacific Standard Time", "Pacific/Port_Moresby" },
	{ "Magadan Standard Time", "Asia/Magadan" },
	{ "Sakhalin Standard Time", "Asia/Sakhalin" },
	{ "Central Pacific Standard Time", "Pacific/Guadalcanal" },
	{ "Kamchatka Standard Time", "Asia/Kamchatka" },
	{ "Fiji Standard Time", "Pacific/Fiji" },
	{ "Tonga Standard Time", "Pacific/Tongatapu" },
	{ "Samoa Standard Time", "Pacific/Apia" },
	{ "Line Islands Standard Time", "Pacific/Kiritimati" },
	{ "Azores Standard Time", "Atlantic/Azores" },
	{ "Cape Verde Standard Time", "Atlantic/Cape_Verde" },
	{ "Greenland Standard Time", "America/Nuuk" },
	{ "Argentina Standard Time", "America/Argentina/Buenos_Aires" },
	{ "SA Eastern Standard Time", "America/Cayenne" },
	{ "Montevideo Standard Time", "America/Montevideo" },
	{ "Bahia Standard Time", "America/Bahia" },
	{ "Paraguay Standard Time", "America/Asuncion" },
	{ "Central Brazilian Standard Time", "America/Cuiaba" },
	{ "SA Western Standard Time", "America/La_Paz" },
	{ "Pacific SA Standard Time", "America/Santiago" },
	{ "Venezuela Standard Time", "America/Caracas" },
	{ "SA Pacific Standard Time", "America/Bogota" },
	{ "US Eastern Standard Time", "America/Indiana/Indianapolis" },
	{ "Cuba Standard Time", "America/Havana" },
	{ "Haiti Standard Time", "America/Port-au-Prince" },
	{ "Central America Standard Time", "America/Guatemala" },
	{ "Central Standard Time (Mexico)", "America/Mexico_City" },
	{ "Mexico Standard Time", "America/Mexico_City" },
	{ "Canada Central Standard Time", "America/Regina" },
	{ "Mountain Standard Time (Mexico)", "America/Mazatlan" },
	{ "Mexico Standard Time 2", "America/Chihuahua" },
	{ "Pacific Standard Time (Mexico)", "America/Tijuana" },
	{ "Aleutian Standard Time", "America/Adak" },
	{ "UTC", "UTC" },
	{ "Coordinated Universal Time", "UTC" },
	{ "GMT", "UTC" },
	{ "UTC-02", "Etc/GMT+2" },
	{ "UTC-11", "Etc/GMT+11" },
	{ "UTC+12", "Etc/GMT-12" },
	{ "Dateline Standard Time", "Etc/GMT+12" },
};

enum { NAME_N = sizeof(names) / sizeof(names[0]) };

/* Zones of fixed offset have plain names, tried before odd cities. */
static const char *const fixed[] = {
	"Etc/GMT-1",  "Etc/GMT-2",  "Etc/GMT-3",  "Etc/GMT-4",  "Etc/GMT-5",
	"Etc/GMT-6",  "Etc/GMT-7",  "Etc/GMT-8",  "Etc/GMT-9",  "Etc/GMT-10",
	"Etc/GMT-11", "Etc/GMT-12", "Etc/GMT-13", "Etc/GMT-14", "Etc/GMT+1",
	"Etc/GMT+2",  "Etc/GMT+3",  "Etc/GMT+4",  "Etc/GMT+5",  "Etc/GMT+6",
	"Etc/GMT+7",  "Etc/GMT+8",  "Etc/GMT+9",  "Etc/GMT+10", "Etc/GMT+11",
	"Etc/GMT+12",
};

enum { FIXED_N = sizeof(fixed) / sizeof(fixed[0]) };

struct slice
zone_ms_name(struct slice name)
{
	for (size_t i = 0; i < NAME_N; i++) {
		if (slice_is_nocase(name, names[i].ms))
			return slice_c(names[i].olson);
	}
	return (struct slice){ NULL, 0 };
}

struct slice
zone_favourite(size_t i)
{
	if (i < NAME_N)
		return slice_c(names[i].olson);
	if (i < NAME_N + FIXED_N)
		return slice_c(fixed[i - NAME_N]);
	return (struct slice){ NULL, 0 };
}

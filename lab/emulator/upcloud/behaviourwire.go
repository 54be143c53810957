package upcloud

func wireBehaviours() []Behaviour {
	return []Behaviour{
		recorded("booleans are `yes` and `no`, the firewall is `on` or `off`", "createstartstopserver", "firewallrules"),
		recorded("cores, memory, progress and traffic of a server are numbers in quotes; sizes of storages and plans are not", "getserverdetails", "getplans"),
		recorded("lists are wrapped twice: `{\"servers\":{\"server\":[]}}`; labels too on servers, but not on storages and networks", "getserverswithfilters", "storagelabels", "createmodifydeletenetwork"),
		recorded("numbers in requests may be in quotes or not", "resizestoragefilesystem", "createstartstopserver"),
		recorded("JSON has the content type `application/json; charset=UTF-8`; tokens have no charset", "getserverdetails", "token"),
		recorded("errors about servers, storages and tags are `{\"error\":{\"error_code\",\"error_message\"}}`", "errorhandling", "createrestorebackup"),
		recorded("errors of younger services are problem details with the bare content type `application/problem+json`", "filestorage", "loadbalancer"),
		recorded("400 SERVER_INVALID for what is no UUID", "errorhandling"),
		recorded("404 STORAGE_NOT_FOUND for a storage that is gone", "createrestorebackup"),
		recorded("a path may end in a slash", "createnetworkandserver", "createdeleteserverandstorage"),
		recorded("UUIDs begin with 00 for servers, 01 storages, 03 networks, 07 imports, 0c tokens", "createnetworkandserver", "storageimport", "token"),
		recorded("lists are in the order of UUIDs", "getserverswithfilters", "storagelabels"),
		recorded("several label filters must all hold; one may be a key alone", "getserverswithfilters", "storagelabels"),
		documentedBy("meaning of the statuses 400, 401, 402, 403, 404, 405, 409", apiErrors),
		assumed("401 AUTHENTICATION_FAILED in the older shape", "no failed authentication is recorded"),
		assumed("403 ACTION_FORBIDDEN where a credential lacks a right", sdkCodes),
		assumed("404 NOT_FOUND and 405 METHOD_NOT_ALLOWED for what nobody serves", sdkCodes),
		assumed("413 above 1 MiB, 400 above 32 levels of JSON", "the emulator's own bounds"),
		assumed("429 RATE_LIMITED with Retry-After when throttled", "UpCloud documents no limit of rates; the emulator does so only as a fault"),
		assumed("unknown attributes of requests are ignored", "the service has UNKNOWN_ATTRIBUTE; which calls answer it is not known"),
	}
}

func accountBehaviours() []Behaviour {
	return []Behaviour{
		documentedBy("`GET /account` with credits, user name and resource limits", apiAccounts),
		documentedBy("credits are deducted for what is used, by the hour", apiAccounts),
		recorded("`GET /account/details/{user}` with currency, roles and access lists", "createmodifydeletesubaccount"),
		recorded("`GET /account/list`", "createmodifydeletesubaccount"),
		recorded("`GET /permission`", "permissions"),
		recorded("tokens: create, list, read, delete; the token itself is told once", "token"),
		assumed("a token that a call makes has the rights of its maker, and ends when it expires", "not recorded"),
		assumed("without billing rights `/price` is 403 and `/account` has no credits", "not recorded"),
		assumed("402 INSUFFICIENT_CREDITS when the credits do not cover an hour of all that runs and of what is asked for", "status documented, amount not"),
		assumed("running out of credits stops nothing that runs", apiAccounts+" says that resources are then disabled"),
		assumed("TRIAL_PLAN is 403; a trial account gets no GPUs and no free sizes", sdkCodes),
	}
}

func marketBehaviours() []Behaviour {
	return []Behaviour{
		recorded("`GET /zone` with id, description, public", "getzones"),
		recorded("a zone that is not public is listed with prices of 0", "getzones", "getpricezones"),
		assumed("the zones of 2026", "named by clients of that year; the recording has those of 2020"),
		recorded("`GET /plan` but for family, current_offering and GPUs", "getplans"),
		documentedBy("plans have family and current_offering, and GPU plans amount and model", nextClient),
		documentedBy("CLOUDNATIVE and GPU plans have `storage_size` 0 and `storage_tier` null", sdkTests),
		documentedBy("names and sizes of plans", planPages+"; STARTER and PREMIUM from the price calculator"),
		assumed("prices of CLOUDNATIVE and GPU plans, and of those no longer offered", "a few stand in public files"),
		documentedBy("prices are cents of the account's currency per hour of an amount, a month is 672 hours", apiPricing+", "+planPages),
		documentedBy("the price list names its currency", nextClient),
		recorded("a plan's price is `server_plan_` and its name; memory is priced per 256 MiB", "getpricezones"),
		assumed("which zones lack which plans, and that two zones are 20 % dearer", "a plan that a zone's price list lacks is not sold there"),
		recorded("`GET /server_size`: 1 to 20 cores, 1 to 128 GiB in whole GiB", "getserverconfigurations"),
		documentedBy("`GET /device/availability` with GPU plans and amounts by zone", sdkTests),
		assumed("the amounts of GPUs", "invented"),
	}
}

func missingBehaviours() []Behaviour {
	return []Behaviour{
		assumed("firewall rules, tags, server groups, routers, hosts, relocation, time zones, sub-accounts: 404", "not needed by a provider of machines"),
		assumed("databases, load balancers, object and file storage, gateways, Kubernetes: 404", "other services"),
		assumed("nothing boots: user_data is kept (`Server.UserData`), the console leads nowhere, no bytes are stored", "an emulator of the API"),
		assumed("backup rules and simple backups are kept, but make no backups", "an emulator of the API"),
		assumed("traffic costs nothing, since there is none", "an emulator of the API"),
	}
}

package upcloud

func serverBehaviours() []Behaviour {
	return []Behaviour{
		recorded("create answers 202, state maintenance, with progress, and user name and password this once", "createstartstopserver", "createnetworkandserver"),
		recorded("create takes 20 to 60 s until started; its disks are cloned first, with progress", "createstartstopserver", "attachdetachstorage", "createnetworkandserver"),
		recorded("host is there but for a stopped server", "createstartstopserver", "createstoprelocateserver"),
		recorded("server_group null, devices and labels of disks as of 2025", "createstoprelocateserver", "dhcpnetworkconfigurations"),
		recorded("disks made of a template have labels `_os_…` and `_template_uuid`", "createstoprelocateserver", "dhcpnetworkconfigurations"),
		recorded("a list of servers has neither storages nor addresses", "getserverswithfilters"),
		recorded("a server of no plan is `custom`, by default of 1 core and 1 GiB", "getserverdetails"),
		recorded("stop answers the state before, and takes 6 to 12 s", "createstartstopserver", "startavoidhost"),
		recorded("start answers started at once", "createstartstopserver", "startavoidhost"),
		recorded("restart answers started, is in maintenance within 6 s and started within 22 s", "createrestartserver"),
		recorded("delete answers 204 at once; with `storages=1` the disks go too", "createdeleteserverandstorage", "createmodifydeleteserver"),
		recorded("modify answers 202 and replaces labels as a whole", "createmodifydeleteserver"),
		documentedBy("states started, stopped, maintenance, error; an error ends by itself in started or stopped", apiServers),
		documentedBy("409 for what the state does not allow, such as starting what is started", apiErrors),
		documentedBy("delete keeps backups but for `backups=keep_latest` and `backups=delete`", "request types of the SDK v8.35.0"),
		assumed("409 SERVER_STATE_ILLEGAL also for deleting a server that is started or in maintenance; one in error can be deleted", sdkCodes),
		assumed("a soft stop that the guest ignores becomes a hard one after the timeout, and never without one", "only as a fault"),
		assumed("a second stop replaces the first", "not recorded"),
		assumed("409 METADATA_DISABLED_ON_CLOUD-INIT when a cloud-init template is cloned without metadata; 400 METADATA_INVALID for anything but yes and no", "reported by several clients"),
		assumed("400 PLAN_INVALID for a plan that does not exist or that the zone does not sell", "the SDK has no such code"),
		assumed("400 PLAN_CORE_NUMBER_ILLEGAL, PLAN_MEMORY_AMOUNT_ILLEGAL, CORE_MEMORY_UNSUPPORTED", sdkCodes),
		assumed("400 for what is missing or malformed, 404 ZONE_NOT_FOUND, 409 ZONE_MISMATCH", sdkCodes),
		assumed("without networking a server gets public IPv4, utility and public IPv6", "not recorded"),
		assumed("the size changes only of a stopped server", "not recorded"),
		documentedBy("plans with storage cost while stopped, CLOUDNATIVE plans only while started", planPages),
		assumed("GPU plans cost only while started; a server in maintenance or error costs as one that is started", "not documented"),
		documentedBy("a plan is billed by the hour, 672 hours of a calendar month at most", planPages),
		assumed("an hour that was begun is billed whole", "reported by others"),
		assumed("label filters find a new server at once", "later only as a fault"),
	}
}

func storageBehaviours() []Behaviour {
	return []Behaviour{
		recorded("create answers 201 and online", "createmodifydeletestorage", "attachdetachstorage"),
		recorded("clone, backup and templatize answer 201 and maintenance; a template and a backup have no rule, a backup no tier", "clonestorage", "createrestorebackup", "templatizeserverstorage"),
		recorded("a backup takes 6 s, restoring about 113 s, a template 17 s; a clone 8 to 20 s", "createrestorebackup", "templatizeserverstorage", "clonestorage"),
		recorded("restore answers 204", "createrestorebackup"),
		recorded("delete with `backups=delete` removes the backups", "createrestorebackup"),
		recorded("growing the file system answers a backup that is online", "resizestoragefilesystem"),
		recorded("a larger size answers 202; no rule is `{}`", "resizestoragefilesystem", "createmodifydeletestorage"),
		recorded("an import is prepared, pending, importing, completed, and takes up to 11 s", "storageimport", "compresseddirectuploadstorageimport", "directuploadstorageimport"),
		recorded("an upload goes to a URL of its own; sums are of the unpacked data", "directuploadstorageimport", "compresseddirectuploadstorageimport"),
		recorded("attach and detach answer 200 with the server; CDs are loaded and ejected", "attachdetachstorage", "loadejectcdrom"),
		documentedBy("public templates have `template_type` cloud-init or native, no zone and no labels", sdkTests),
		assumed("which templates there are, and their UUIDs", "those of Debian 11 and 12, Ubuntu, Rocky and Windows are in use by clients"),
		assumed("what is copied is cloning or backuping meanwhile; the state is maintenance during import and restore", "states documented, their use not"),
		assumed("409 STORAGE_STATE_ILLEGAL, STORAGE_ATTACHED, STORAGE_ATTACHED_AS_DISK, STORAGE_TYPE_ILLEGAL, DEVICE_ADDRESS_IN_USE, DEVICE_ADDRESS_NOT_IN_USE", sdkCodes),
		assumed("sizes from 10 to 4096 GiB, never smaller; 16 storages per server", "not recorded"),
		assumed("a storage grows only detached or at a stopped server; so do import, restore and templatize", "not recorded"),
		assumed("the first new disk is part of the plan if it is no larger and of the plan's tier; detached it costs by itself", "part_of_plan documented, the rule not"),
		assumed("an import fails, with a code of the emulator's own, if its URL does not answer 200 or has more than the storage holds", "no failed import is recorded"),
	}
}

func networkBehaviours() []Behaviour {
	return []Behaviour{
		recorded("public and utility networks of every zone, private ones of the account; filter by zone", "getnetworks", "createmodifydeletenetwork"),
		recorded("private networks have effective routes and a configuration of DHCP routes, whose lists are changed one by one", "dhcpnetworkconfigurations"),
		recorded("an interface is created with 201, changed with 200, deleted with 204", "createmodifydeletenetwork"),
		recorded("addresses of a server are listed as utility, IPv6, IPv4; interfaces say dhcp_provided, floating, release_policy", "dhcpnetworkconfigurations", "getipaddresses"),
		recorded("addresses: create 201, change 202, delete 204; a floating one moves by MAC, null detaches it", "attachmodifyreleaseipaddress", "attachmodifyreleasefloatingipaddress"),
		documentedBy("up to 5 public IPv4 and 5 public IPv6 addresses per server", apiServers),
		documentedBy("plans with storage include a public IPv4 address, others none", planPages),
		assumed("interfaces change only at a stopped server", "recorded so, but not that it must be"),
		assumed("routers are kept as they are given", "there are none"),
	}
}

func limitBehaviours() []Behaviour {
	return []Behaviour{
		documentedBy("the resource limits of an account", apiAccounts),
		assumed("403 SERVER_CORE_LIMIT_REACHED, SERVER_MEMORY_LIMIT_REACHED, IP_ADDRESS_LIMIT_REACHED, MAXIOPS_STORAGE_LIMIT_REACHED: counted over all that exists, stopped servers too", sdkCodes+"; 403 is reported by others"),
		assumed("403 STANDARD_STORAGE_LIMIT_REACHED, HDD_STORAGE_LIMIT_REACHED, GPU_LIMIT_REACHED, NETWORK_LIMIT_REACHED", "the first two are reported by others, the last two are invented"),
		assumed("403 SERVER_CREATING_LIMIT_REACHED when too many servers are in creation", "reported by others as a limit of concurrency"),
		assumed("403 SERVER_IP_LIMIT_REACHED above 5 addresses, 409 STORAGE_DEVICE_LIMIT_REACHED above 16 devices", sdkCodes),
		assumed("409 SERVER_RESOURCES_UNAVAILABLE when a zone has no more of a plan, on create and start; a stopped server holds none", "code reported by several clients, none recorded"),
		assumed("409 STORAGE_RESOURCES_UNAVAILABLE, IP_ADDRESS_RESOURCES_UNAVAILABLE", sdkCodes),
		assumed("credits are refused before stock is looked at", "not known"),
	}
}

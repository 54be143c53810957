package upcloud

import (
	"strings"

	"github.com/mesoncloud/meson/sdk"
)

// meaning is how a code of the API reads in the contract.
type meaning struct {
	kind  sdk.Kind
	scope sdk.Scope
}

// meaningOf reads a code; false: it says nothing that is known, as SERVICE_ERROR
// does, which is recorded with a 403 too. What a code says comes before the HTTP
// status: statuses of the same code differ between calls.
func meaningOf(code string) (meaning, bool) {
	switch code {
	// Nothing left at UpCloud: another plan or zone may have it.
	case "SERVER_RESOURCES_UNAVAILABLE", "STORAGE_RESOURCES_UNAVAILABLE", "IP_ADDRESS_RESOURCES_UNAVAILABLE",
		"FLOATING_IP_NOT_AVAILABLE", "DEVICE_UNAVAILABLE", "DEVICE_ALLOCATION_FAILED", "STRICT_ANTI_AFFINITY_NOT_MET",
		"HOT_RESIZE_UNAVAILABLE", "NO_AVAILABLE_MEMORY_SLOTS":
		return meaning{sdk.Exhausted, sdk.ScopeCapacity}, true
	case "INSUFFICIENT_CREDITS", "TRIAL_PLAN":
		return meaning{sdk.Exhausted, sdk.ScopeFunds}, true

	case "AUTHENTICATION_FAILED":
		return meaning{kind: sdk.Denied}, true

	// What was asked for does not exist, and no object of ours is meant by it.
	case "ZONE_NOT_FOUND", "HOST_NOT_FOUND", "USER_NOT_FOUND", "PEER_NETWORK_NOT_FOUND":
		return meaning{kind: sdk.Invalid}, true

	// Somebody has that already.
	case "ALREADY_IN_SERVER_GROUP", "BACKUP_RULE_CONFLICT", "DB_EXISTS", "DUPLICATE_RESOURCE", "DUPLICATE_ROUTE",
		"FIREWALL_RULE_EXISTS", "INTERFACE_EXISTS", "PEERING_CONFLICT", "RESOURCE_ALREADY_EXISTS", "SERVICE_EXISTS", "TAG_EXISTS":
		return meaning{kind: sdk.Conflict}, true

	// Not in this state of the object; in another one it may pass.
	case "ADDRESS_ATTACHED", "CANNOT_DELETE_PRIVATE_ADDRESS", "CDROM_DEVICE_IN_USE", "DEVICE_ADDRESS_IN_USE",
		"DEVICE_ADDRESS_NOT_IN_USE", "IMPORT_UNAVAILABLE", "NETWORK_NOT_EMPTY", "NO_CDROM_DEVICE", "NO_STORAGES_ATTACHED",
		"PEERING_NOT_DISABLED", "ROUTER_ATTACHED", "SERVER_STATE_ILLEGAL", "STORAGE_ATTACHED", "STORAGE_ATTACHED_AS_CDROM",
		"STORAGE_ATTACHED_AS_DISK", "STORAGE_IMPORT_NOT_IN_PROGRESS", "STORAGE_IN_USE", "STORAGE_STATE_ILLEGAL", "UNABLE_TO_CANCEL":
		return meaning{kind: sdk.Busy}, true

	// UpCloud does not do that, whoever asks.
	case "CAN_NOT_CREATE_PASSWORD_FOR_THE_SELECTED_DISTRIBUTION", "CDROM_HOTPLUG_UNSUPPORTED", "CORE_MEMORY_UNSUPPORTED",
		"HOT_RESIZE_NOT_ENABLED", "IDE_HOTPLUG_UNSUPPORTED", "METHOD_NOT_ALLOWED", "MS_LMA_REQUIRED", "PLAN_CORE_NUMBER_ILLEGAL",
		"PLAN_MEMORY_AMOUNT_ILLEGAL", "PTR_RECORD_NOT_SUPPORTED", "PUBLIC_STORAGE_ATTACH", "STORAGE_TIER_ILLEGAL",
		"STORAGE_TYPE_ILLEGAL", "WINDOWS_NOT_AVAILABLE":
		return meaning{kind: sdk.Unsupported}, true

	// The request is wrong, in words that no rule below covers.
	case "ADDRESS_OR_UUID_REQUIRED", "DUAL_STACK_INTERFACE", "DUPLICATE_LABEL_KEYS", "ICMP_TYPE_PROTOCOL_MISMATCH",
		"LOCAL_NETWORK_NO_ROUTER", "METADATA_DISABLED_ON_CLOUD-INIT", "MULTIPLE_TEMPLATES", "PORT_PROTOCOL_MISMATCH",
		"TOO_MANY_BOOT_DISKS", "UNKNOWN_ATTRIBUTE", "VALIDATION_ERROR", "ZONE_MISMATCH":
		return meaning{kind: sdk.Invalid}, true

	// It was tried and failed: what is left of it is to be looked up.
	case "CDROM_EJECT_FAILED", "FAILED_TO_ADD_MEMORY", "HOTPLUG_FAILED", "RESIZE_FAILED", "STORAGE_INCONSISTENT":
		return meaning{kind: sdk.Unavailable}, true
	}
	return meaningOfEnd(code)
}

// meaningOfEnd reads the many codes that say the same of one thing after another.
func meaningOfEnd(code string) (meaning, bool) {
	switch {
	case strings.HasSuffix(code, "_LIMIT_REACHED"):
		return meaning{sdk.Exhausted, sdk.ScopeQuota}, true
	case strings.HasSuffix(code, "_FORBIDDEN"):
		return meaning{kind: sdk.Denied}, true
	case code == "NOT_FOUND", strings.HasSuffix(code, "_NOT_FOUND"):
		return meaning{kind: sdk.NotFound}, true
	case strings.HasSuffix(code, "_INVALID"), strings.HasSuffix(code, "_MISSING"), strings.HasSuffix(code, "_ILLEGAL"),
		strings.HasPrefix(code, "INVALID_"):
		return meaning{kind: sdk.Invalid}, true
	}
	return meaning{}, false
}

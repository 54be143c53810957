package upcloud

import (
	"net/http"
	"slices"
	"strings"
)

// Operation names a call of the API, such as create_server. Faults and the
// counts of Stats go by it.
type Operation string

// route is one operation: how it is called and what the caller needs.
type route struct {
	op     Operation
	method string
	path   string // below /1.3, as http.ServeMux wants it
	needs  right
	serve  func(*Server, *call) (*reply, error)
}

// Operations are all that the emulator serves, in the order of the API's chapters.
func Operations() []Operation {
	var all []Operation
	for _, r := range table() {
		if !slices.Contains(all, r.op) {
			all = append(all, r.op)
		}
	}
	return all
}

func table() []route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	all := []route{
		{"get_account", get, "/account", read, (*Server).getAccount},
		{"get_account_details", get, "/account/details/{username}", read, (*Server).getAccountDetails},
		{"list_accounts", get, "/account/list", read, (*Server).listAccounts},
		{"list_tokens", get, "/account/tokens", read, (*Server).listTokens},
		{"create_token", post, "/account/tokens", write, (*Server).createToken},
		{"get_token", get, "/account/tokens/{uuid}", read, (*Server).getToken},
		{"delete_token", del, "/account/tokens/{uuid}", write, (*Server).deleteToken},
		{"list_permissions", get, "/permission", read, (*Server).listPermissions},
		{"list_prices", get, "/price", billing, (*Server).listPrices},
		{"list_zones", get, "/zone", read, (*Server).listZones},
		{"list_plans", get, "/plan", read, (*Server).listPlans},
		{"list_server_sizes", get, "/server_size", read, (*Server).listServerSizes},
		{"list_devices", get, "/device/availability", read, (*Server).listDevices},
		{"create_server", post, "/server", write, (*Server).createServer},
		{"list_servers", get, "/server", read, (*Server).listServers},
		{"get_server", get, "/server/{uuid}", read, (*Server).getServer},
		{"modify_server", put, "/server/{uuid}", write, (*Server).modifyServer},
		{"delete_server", del, "/server/{uuid}", write, (*Server).deleteServer},
		{"start_server", post, "/server/{uuid}/start", write, (*Server).startServer},
		{"stop_server", post, "/server/{uuid}/stop", write, (*Server).stopServer},
		{"restart_server", post, "/server/{uuid}/restart", write, (*Server).restartServer},
		{"attach_storage", post, "/server/{uuid}/storage/attach", write, (*Server).attachStorage},
		{"detach_storage", post, "/server/{uuid}/storage/detach", write, (*Server).detachStorage},
		{"load_cdrom", post, "/server/{uuid}/cdrom/load", write, (*Server).loadCDROM},
		{"eject_cdrom", post, "/server/{uuid}/cdrom/eject", write, (*Server).ejectCDROM},
		{"list_storages", get, "/storage", read, (*Server).listStorages},
		{"create_storage", post, "/storage", write, (*Server).createStorage},
		{"get_storage", get, "/storage/{uuid}", read, (*Server).getStorage},
		{"modify_storage", put, "/storage/{uuid}", write, (*Server).modifyStorage},
		{"delete_storage", del, "/storage/{uuid}", write, (*Server).deleteStorage},
		{"clone_storage", post, "/storage/{uuid}/clone", write, (*Server).cloneStorage},
		{"templatize_storage", post, "/storage/{uuid}/templatize", write, (*Server).templatizeStorage},
		{"create_backup", post, "/storage/{uuid}/backup", write, (*Server).createBackup},
		{"restore_backup", post, "/storage/{uuid}/restore", write, (*Server).restoreBackup},
		{"resize_filesystem", post, "/storage/{uuid}/resize", write, (*Server).resizeFilesystem},
		{"create_import", post, "/storage/{uuid}/import", write, (*Server).createImport},
		{"get_import", get, "/storage/{uuid}/import", read, (*Server).getImport},
		{"list_networks", get, "/network", read, (*Server).listNetworks},
		{"create_network", post, "/network", write, (*Server).createNetwork},
		{"get_network", get, "/network/{uuid}", read, (*Server).getNetwork},
		{"modify_network", put, "/network/{uuid}", write, (*Server).modifyNetwork},
		{"delete_network", del, "/network/{uuid}", write, (*Server).deleteNetwork},
		{"get_networking", get, "/server/{uuid}/networking", read, (*Server).getNetworking},
		{"create_interface", post, "/server/{uuid}/networking/interface", write, (*Server).createInterface},
		{"modify_interface", put, "/server/{uuid}/networking/interface/{index}", write, (*Server).modifyInterface},
		{"delete_interface", del, "/server/{uuid}/networking/interface/{index}", write, (*Server).deleteInterface},
		{"list_addresses", get, "/ip_address", read, (*Server).listAddresses},
		{"create_address", post, "/ip_address", write, (*Server).createAddress},
		{"get_address", get, "/ip_address/{address}", read, (*Server).getAddress},
		{"modify_address", patch, "/ip_address/{address}", write, (*Server).modifyAddress},
		{"delete_address", del, "/ip_address/{address}", write, (*Server).deleteAddress},
	}
	for _, path := range storageLists() {
		all = append(all, route{"list_storages", get, path, read, (*Server).listStorages})
	}
	return all
}

// routes is the table as a multiplexer, where what nobody serves is an error in
// the API's own shape.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	paths := map[string][]route{}
	for _, r := range table() {
		paths[r.path] = append(paths[r.path], r)
	}
	for path, routes := range paths {
		mux.HandleFunc("/1.3"+path, func(w http.ResponseWriter, r *http.Request) {
			i := slices.IndexFunc(routes, func(one route) bool { return one.method == r.Method })
			if i < 0 {
				s.send(w, r, s.refuse(fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "The method is not allowed for this resource.")))
				return
			}
			s.handle(w, r, routes[i])
		})
	}
	mux.HandleFunc("PUT "+uploadPath+"{uuid}", s.upload)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.send(w, r, s.refuse(fail(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist.")))
	})
	return mux
}

// clean is the path as the table has it: the service takes a slash at the end.
func clean(path string) string {
	if len(path) > 1 {
		return strings.TrimSuffix(path, "/")
	}
	return path
}

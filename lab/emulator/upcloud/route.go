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
		{"list_prices", get, "/price", billing, (*Server).listPrices},
		{"list_zones", get, "/zone", read, (*Server).listZones},
		{"list_plans", get, "/plan", read, (*Server).listPlans},
		{"list_server_sizes", get, "/server_size", read, (*Server).listServerSizes},
		{"list_devices", get, "/device/availability", read, (*Server).listDevices},
		{"create_server", post, "/server", write, (*Server).createServer},
		{"list_servers", get, "/server", read, (*Server).listServers},
		{"get_server", get, "/server/{uuid}", read, (*Server).getServer},
		{"delete_server", del, "/server/{uuid}", write, (*Server).deleteServer},
		{"start_server", post, "/server/{uuid}/start", write, (*Server).startServer},
		{"stop_server", post, "/server/{uuid}/stop", write, (*Server).stopServer},
		{"restart_server", post, "/server/{uuid}/restart", write, (*Server).restartServer},
		{"list_storages", get, "/storage", read, (*Server).listStorages},
		{"get_storage", get, "/storage/{uuid}", read, (*Server).getStorage},
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

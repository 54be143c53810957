package upcloud

import "net/http"

// wireAccountDetails is what is told of a user. Names and addresses are empty.
type wireAccountDetails struct {
	Address      string        `json:"address"`
	AllowAPI     string        `json:"allow_api"`
	AllowGUI     string        `json:"allow_gui"`
	Campaigns    wireList      `json:"campaigns"`
	City         string        `json:"city"`
	Company      string        `json:"company"`
	Country      string        `json:"country"`
	Currency     string        `json:"currency"`
	Email        string        `json:"email"`
	ThirdParty   string        `json:"enable_3rd_party_services"`
	FirstName    string        `json:"first_name"`
	IPFilters    wireList      `json:"ip_filters"`
	Language     string        `json:"language"`
	LastName     string        `json:"last_name"`
	MainAccount  string        `json:"main_account,omitempty"`
	Network      wireList      `json:"network_access"`
	Phone        string        `json:"phone"`
	PostalCode   string        `json:"postal_code"`
	Roles        wireList      `json:"roles"`
	ServerAccess wireAccess    `json:"server_access"`
	State        string        `json:"state"`
	Storage      wireList      `json:"storage_access"`
	TagAccess    wireTagAccess `json:"tag_access"`
	Timezone     string        `json:"timezone"`
	Type         string        `json:"type"`
	Username     string        `json:"username"`
	VATNumber    string        `json:"vat_number"`
}

// wireList is a list inside an object under a name of its own.
type wireList map[string][]string

type wireAccess struct {
	Server []wireServerAccess `json:"server"`
}

type wireServerAccess struct {
	Storage string `json:"storage"`
	UUID    string `json:"uuid"`
}

type wireTagAccess struct {
	Tag []wireServerAccess `json:"tag"`
}

// roles are what a user is: who may not see bills has no billing role.
func (c Credential) roles() []string {
	if c.NoBilling {
		return []string{"technical"}
	}
	return []string{"billing", "technical"}
}

func (s *Server) kind(c Credential) string {
	if c.Username == s.account.Username {
		return "main"
	}
	return "sub"
}

// getAccountDetails tells of the caller, or of a sub-account of the caller's.
func (s *Server) getAccountDetails(c *call) (*reply, error) {
	name := c.path("username")
	who, found := s.users.match(func(one Credential) bool { return one.Username == name })
	if !found || name != c.caller.Username && s.kind(c.caller) != "main" {
		return nil, fail(http.StatusNotFound, "USER_NOT_FOUND", "The user %.64q does not exist.", name)
	}
	all := []string{"*"}
	w := wireAccountDetails{
		AllowAPI: "yes", AllowGUI: "no", Campaigns: wireList{"campaign": {}}, Country: "FIN", Currency: s.account.Currency, ThirdParty: "no",
		IPFilters: wireList{"ip_filter": {}}, Language: "en", Network: wireList{"network": all}, Roles: wireList{"role": who.roles()},
		ServerAccess: wireAccess{[]wireServerAccess{{"yes", "*"}}}, Storage: wireList{"storage": all}, TagAccess: wireTagAccess{[]wireServerAccess{}},
		Timezone: "UTC", Type: s.kind(who), Username: who.Username,
	}
	if w.Type == "sub" {
		w.MainAccount = s.account.Username
	}
	return ok(map[string]any{"account": w}), nil
}

func (s *Server) listAccounts(c *call) (*reply, error) {
	type item struct {
		Roles    wireList `json:"roles"`
		Type     string   `json:"type"`
		Username string   `json:"username"`
	}
	all := []item{}
	seen := map[string]bool{}
	for _, one := range s.users.list() {
		if !seen[one.Username] {
			all = append(all, item{wireList{"role": one.roles()}, s.kind(one), one.Username})
		}
		seen[one.Username] = true
	}
	return ok(map[string]any{"accounts": map[string]any{"account": all}}), nil
}

// listPermissions are those of sub-accounts. One that only reads has none.
func (s *Server) listPermissions(c *call) (*reply, error) {
	type permission struct {
		Options struct {
			Storage string `json:"storage"`
		} `json:"options"`
		TargetIdentifier string `json:"target_identifier"`
		TargetType       string `json:"target_type"`
		User             string `json:"user"`
	}
	all := []permission{}
	for _, one := range s.users.list() {
		if s.kind(one) == "sub" && !one.ReadOnly && (s.kind(c.caller) == "main" || one.Username == c.caller.Username) {
			p := permission{TargetIdentifier: "*", TargetType: "server", User: one.Username}
			p.Options.Storage = "yes"
			all = append(all, p)
		}
	}
	return ok(map[string]any{"permissions": map[string]any{"permission": all}}), nil
}

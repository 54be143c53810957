package upcloud

// FaultKind is what goes wrong.
type FaultKind string

// What can go wrong. Before means that nothing was done, after that it was. Of
// capacity, credits, trial and what is about servers' states and labels, a fault
// that names no operation is about those it can happen to; all others are about
// any.
const (
	// FaultError answers Status and Code without doing anything: any error at all.
	FaultError FaultKind = "error"
	// FaultCapacity is 409 SERVER_RESOURCES_UNAVAILABLE, or STORAGE_… on a storage.
	FaultCapacity FaultKind = "capacity"
	// FaultCredits is 402 INSUFFICIENT_CREDITS.
	FaultCredits FaultKind = "credits"
	// FaultTrial is 403 TRIAL_PLAN.
	FaultTrial FaultKind = "trial"
	// FaultUnauthorized is 401 AUTHENTICATION_FAILED.
	FaultUnauthorized FaultKind = "unauthorized"
	// FaultForbidden is 403 ACTION_FORBIDDEN.
	FaultForbidden FaultKind = "forbidden"
	// FaultThrottled is 429 with Retry-After of Delay in whole seconds, 1 by default.
	FaultThrottled FaultKind = "throttled"
	// FaultServerErrorBefore and FaultServerErrorAfter answer Status, 503 by default.
	FaultServerErrorBefore FaultKind = "server_error_before"
	FaultServerErrorAfter  FaultKind = "server_error_after"
	// FaultGateway answers 502 with a page of HTML, as what stands before an API does.
	FaultGateway FaultKind = "gateway"
	// FaultResetBefore and FaultResetAfter close the connection without an answer.
	FaultResetBefore FaultKind = "reset_before"
	FaultResetAfter  FaultKind = "reset_after"
	// FaultSlow answers after Delay of real time, a second by default.
	FaultSlow FaultKind = "slow"
	// FaultHang never answers: the client gives up, or the fault is removed.
	FaultHang FaultKind = "hang"
	// FaultMalformed cuts the reply's JSON in half.
	FaultMalformed FaultKind = "malformed"
	// FaultWrongTypes has every number a string in the reply, and every string a number.
	FaultWrongTypes FaultKind = "wrong_types"
	// FaultOversized puts 64 MiB of white space before the reply's JSON.
	FaultOversized FaultKind = "oversized"
	// FaultProblem has errors be problem details; FaultProblemCharset has the content
	// type of such carry a charset, which the SDK does not understand.
	FaultProblem        FaultKind = "problem"
	FaultProblemCharset FaultKind = "problem_charset"
	// FaultNoCurrency leaves the currency out of the price list.
	FaultNoCurrency FaultKind = "no_currency"
	// FaultServerState has a server that is created, started or restarted end in
	// the state error, for Delay of virtual time or for good.
	FaultServerState FaultKind = "server_state"
	// FaultLabelLag has label filters find a new server, or its new labels, only
	// after Delay of virtual time.
	FaultLabelLag FaultKind = "label_lag"
	// FaultDeafGuest has the guest ignore soft stops.
	FaultDeafGuest FaultKind = "deaf_guest"
)

// FaultKinds are all kinds, in the order above.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultError, FaultCapacity, FaultCredits, FaultTrial, FaultUnauthorized, FaultForbidden, FaultThrottled, FaultServerErrorBefore,
		FaultServerErrorAfter, FaultGateway, FaultResetBefore, FaultResetAfter, FaultSlow, FaultHang, FaultMalformed, FaultWrongTypes, FaultOversized,
		FaultProblem, FaultProblemCharset, FaultNoCurrency, FaultServerState, FaultLabelLag, FaultDeafGuest,
	}
}

// natural are the operations that a fault of the kind is about if it names none;
// nil is any.
func (k FaultKind) natural() []Operation {
	switch k {
	case FaultCapacity, FaultCredits, FaultTrial:
		return []Operation{
			"create_server", "start_server", "modify_server", "create_storage", "modify_storage", "clone_storage", "templatize_storage", "create_backup",
		}
	case FaultServerState:
		return []Operation{"create_server", "start_server", "restart_server"}
	case FaultLabelLag:
		return []Operation{"create_server", "modify_server"}
	case FaultDeafGuest:
		return []Operation{"stop_server"}
	case FaultNoCurrency:
		return []Operation{"list_prices"}
	}
	return nil
}

import Kernel
import Tenancy
import Testing

@Suite("Scopes")
struct ScopeTests {
    @Test("a scope covers itself and what is below it")
    func covers() {
        let tenant = Scope.tenant("kestrel-labs", partner: "vela")
        #expect(Scope.operator.covers(tenant))
        #expect(Scope.partner("vela").covers(tenant))
        #expect(!Scope.partner("halden-price").covers(tenant))
        #expect(!tenant.covers(.partner("vela")))
    }
}

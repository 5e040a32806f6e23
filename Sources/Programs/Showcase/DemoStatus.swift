internal import Curl
internal import Kernel

/// A tenant's status page in the demonstration: set up before anything happens, told of the outage, and of its end.
struct DemoStatus: Sendable {
    let demo: Demo
    let tenant: SampleTenant

    private func owner() async throws -> TenantAPI { try await demo.installation.tenant(tenant, as: tenant.admin) }

    /// The page with its components; answers its address.
    func setUp() async throws -> String {
        let owner = try await owner()
        let known = try await owner.get("status-page")["page"]
        if let address = known?["address"]?.string { return address }
        let made = try await owner.server.send(
            .put, owner.path("status-page"),
            [
                "revision": 0, "audience": "anybody", "title": .string("\(tenant.name): invoices"),
                "intro": "What works in accounts payable, and what we are doing about the rest.",
            ])
        let components: [(String, String)] = [
            ("Posting to the ERP", "connection:erp"), ("Approvals and matching", "workflow:accounts-payable"),
            ("The platform", "platform"),
        ]
        for (position, (name, source)) in components.enumerated() {
            _ = try await owner.post(
                "status-page/components",
                ["name": .string(name), "source": .string(source), "position": JSONValue(position)])
        }
        _ = try await owner.server.send(
            .post, owner.path("status-page/subscribers"),
            ["channel": "mail", "address": .string("readers@\(tenant.slug).example")])
        return made["page"]?["address"]?.string ?? ""
    }

    /// Begins a notice; answers its id.
    func begin() async throws -> String {
        let told = try await owner().post(
            "status-page/notices",
            [
                "title": "Posting is late", "impact": "major", "components": ["Posting to the ERP"], "publish": true,
                "text": "The ERP turns requests away. Invoices are taken in and wait; none is lost.",
            ])
        return told["id"]?.string ?? ""
    }

    func end(_ notice: String) async throws {
        _ = try await owner().post(
            "status-page/notices/\(notice)/updates",
            ["phase": "resolved", "publish": true, "text": "The ERP is back, and everything that waited is posted, once each."])
    }
}

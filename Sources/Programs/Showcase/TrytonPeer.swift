internal import Kernel

/// Which ERP the sample tenants have.
package enum SampleERP: String, Sendable, CaseIterable {
    /// Ours, a process a tenant, with every ill temper on demand.
    case sandbox
    /// One that nobody here wrote: one process, a database a tenant.
    case tryton
}

/// Tryton on this machine with a database for every sample tenant. It belongs to the tests (`Tests/Peers`) and is no part of the
/// product.
struct TrytonPeer: Sendable {
    /// The first start on a state folder makes the databases; later ones take seconds.
    static let readySeconds: Int64 = 900
    /// In words that a connection's `secrets` map to its purposes.
    static let secretNames = ["key": "erp-key", "login": "erp-login", "password": "erp-password"]

    struct Database: Sendable {
        /// Where the product calls it.
        let base: String
        /// Where the test looks into its books.
        let control: String
        /// By the names under which the server keeps them.
        let secrets: [String: String]
    }

    let port: Int
    let databases: [String: Database]

    /// Starts it on `state`; `port` 0 takes a free one, `isFresh` gives every tenant new books.
    static func start(
        _ tenants: [SampleTenant], below root: String, state: String, port: Int, isFresh: Bool, processes: Processes
    ) async throws -> TrytonPeer {
        let python = root + "/.venv/bin/python"
        guard Folder.exists(python) else {
            throw Refusal(
                .unavailable, reason: "tryton.missing",
                "Tryton needs the Python packages of the tests, and \(python) is not there.",
                facts: ["remedy": "Run `make setup`."])
        }
        try Folder.make(state)
        let ready = state + "/ready.json"
        Folder.remove(ready)
        let child = try processes.start(
            python,
            [
                root + "/Tests/Peers/tryton.py", "serve", "--state", state, "--port", "\(port)",
            ] + tenants.flatMap { ["--tenant", $0.slug] } + (isFresh ? ["--fresh"] : []), name: "tryton")
        let line = try await Patience.wait(seconds: readySeconds, for: "Tryton") { () -> JSONValue? in
            if let ending = child.ending {
                throw Fault("starting Tryton", "\(ending): \(processes.logTail(child.name))", isRetryable: false)
            }
            // Half a file does not parse, and the next look finds it whole.
            return Folder.text(ready).flatMap { try? JSONValue(parsing: $0) }
        }
        guard let url = line["url"]?.string, let served = url.split(separator: ":").last.flatMap({ Int($0) }) else {
            throw Fault("starting Tryton", "it does not say where it is", isRetryable: false)
        }
        var databases: [String: Database] = [:]
        for tenant in tenants {
            guard let facts = line["databases"]?[tenant.slug], let name = facts["name"]?.string,
                let control = facts["control"]?.string
            else { throw Fault("starting Tryton", "it has no database of \(tenant.name)", isRetryable: false) }
            var secrets: [String: String] = [:]
            for (member, secret) in secretNames { secrets[secret] = facts[member]?.string }
            databases[tenant.slug] = Database(base: "\(url)/\(name)", control: control, secrets: secrets)
        }
        return TrytonPeer(port: served, databases: databases)
    }

    /// The connection that stands in the tenant's configuration in place of the sandbox's.
    func connection(of tenant: SampleTenant) -> String? {
        databases[tenant.slug].map { database in
            """
            kind: connection
            name: erp
            title: Tryton of \(tenant.name)
            connector: tryton
            baseUrl: \(database.base)
            secrets:
              key: erp-key
              login: erp-login
              password: erp-password
            allow: ["127.0.0.1:\(port)"]
            settings:
              journal: EXP
            settleSeconds: 25

            """
        }
    }
}

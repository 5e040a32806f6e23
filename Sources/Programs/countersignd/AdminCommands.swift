import ArgumentParser
import Assets
import Flow
import Glibc
import Kernel
import Logging
import Postgres
import Records
import Seals
import Telemetry
import Tenancy

/// What needs the database and no running server. With a private database whose server runs, these use the running one.
protocol DatabaseCommand: AsyncParsableCommand {
    var options: DataOptions { get }
    func work(_ toolbox: Toolbox) async throws
}

/// The parts of the product that these commands use.
struct Toolbox: Sendable {
    let platform: Platform
    let scopes: ScopeDirectory
    let assets: AssetLibrary
    let applying: Applying
    let signingIn: SigningIn

    static func make(_ store: Store, paths: DataPaths, logger: Logger) throws -> Toolbox {
        let platform = Platform(
            store: store, clock: .system, entropy: .system, secrets: SecretBox(ring: try KeyRing.loadOrCreate(paths.keys)),
            metrics: MetricsRegistry(),
            spans: SpanBuffer(), logger: logger, settings: FlowSettings(replica: "tool"))
        // A value without canonical form has the empty hash, which equals nothing that was signed.
        let assets = AssetLibrary(store: store, clock: .system, hash: { (try? ObjectHash.hexText(of: $0)) ?? "" })
        let scopes = ScopeDirectory(store: store, clock: .system)
        return Toolbox(
            platform: platform, scopes: scopes, assets: assets,
            applying: Applying(platform: platform, assets: assets, scopes: scopes),
            signingIn: SigningIn(platform: platform, hasher: PasswordHasher()))
    }

    /// The person with this address, wherever they belong.
    func person(_ email: String) async throws -> PersonRow {
        for scope in try await scopes.all() {
            let people = try await platform.store.withTenant(scope.id) { tx in
                try await tx.query(ScopeQueries.people(tenant: scope.id)).map(PersonRow.init)
            }
            if let found = people.first(where: { sameBytes(SigningIn.fold($0.email), SigningIn.fold(email)) }) { return found }
        }
        throw Refusal(.notFound, reason: "person.unknown", "No person has the address \(email). People are named in people.yaml.")
    }
}

extension DatabaseCommand {
    func run() async throws {
        let logger = options.logger("countersignd")
        do {
            let database = try await AdminDatabase.open(options.paths, logger: logger)
            do {
                try await work(try Toolbox.make(database.store, paths: options.paths, logger: logger))
                await database.close()
            } catch {
                await database.close()
                throw error
            }
        } catch {
            throw complain(error)
        }
    }
}

/// A private database may be in use by a running server; then its socket is used and nothing is started or stopped.
enum AdminDatabase {
    static func open(_ paths: DataPaths, logger: Logger) async throws -> Database {
        if environment("DATABASE_URL") == nil {
            let settings = ClusterSettings(directory: paths.cluster)
            let dsn = try PrivateCluster(settings, logger: logger).dsn(database: Database.name, user: Database.login)
            let store = Store(directDSN: dsn, logger: logger)
            do {
                _ = try await store.check()
                return Database(store: store, cluster: nil)
            } catch {
                await store.close()
            }
        }
        return try await Database.open(paths, logger: logger, endsWithUs: true)
    }
}

struct MigrateCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Brings the schema up to this program's version.")

    @OptionGroup var options: DataOptions

    func work(_ toolbox: Toolbox) async throws {
        let applied = try await Migrations.run(toolbox.platform.store)
        print(applied.isEmpty ? "The schema is up to date." : "Applied " + applied.joined(separator: ", ") + ".")
    }
}

struct ApplyCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Publishes a folder of configuration directly, for the first set-up of an installation.")

    @OptionGroup var options: DataOptions

    @Argument(help: "The folder, as `countersign check` reads it.")
    var folder = "Tenants"

    @Option(help: "The folder of runbooks.")
    var runbooks = "Runbooks"

    func work(_ toolbox: Toolbox) async throws {
        _ = try await Migrations.run(toolbox.platform.store)
        let (tree, issues) = ConfigurationTree.load(folder, runbooks: runbooks)
        if let first = issues.first(where: { $0.severity == .error }) {
            throw Refusal(.unprocessable, reason: "configuration.issues", "\(first)")
        }
        let bundle = try ConfigurationBundle(tree, sha256: { SHA256.hash($0) })
        let outcome = try await toolbox.applying.apply(bundle.applicable, pictures: bundle.shown, by: nil)
        for name in outcome.published { print("published \(name)") }
        for name in outcome.restored { print("in force again \(name)") }
        for name in outcome.retired { print("retired \(name)") }
        print(
            "\(outcome.published.count) published, \(outcome.restored.count) in force again, \(outcome.retired.count) retired, "
                + "\(outcome.unchanged) unchanged, \(outcome.peopleDisabled) people disabled"
        )
    }
}

extension ConfigurationBundle {
    var applicable: [Applying.Asset] {
        entries.map {
            Applying.Asset(scope: $0.scope, kind: $0.kind.rawValue, name: $0.name, version: $0.version, content: $0.content)
        }
    }

    var shown: [Applying.Picture] {
        pictures.map { Applying.Picture(scope: $0.scope.path, name: $0.name, bytes: $0.bytes) }
    }
}

struct PasswordCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "password", abstract: "Sets a person's password, read from standard input.")

    @OptionGroup var options: DataOptions

    @Option(help: "The person's e-mail address.")
    var email: String

    func work(_ toolbox: Toolbox) async throws {
        let person = try await toolbox.person(email)
        guard let password = readLine(strippingNewline: true) else {
            throw Refusal(.invalid, reason: "password.missing", "Give the password as a line on standard input.")
        }
        try await toolbox.signingIn.setPassword(password, of: person.id, in: person.tenant)
        print("The password of \(person.name) is set.")
    }
}

struct LinkCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "link", abstract: "Makes a link by which a person sets a password, once, within a day; hand it over.")

    @OptionGroup var options: DataOptions

    @Option(help: "The person's e-mail address.")
    var email: String

    @Option(help: "Where people reach the console: https://…")
    var address = "http://127.0.0.1:7400"

    func work(_ toolbox: Toolbox) async throws {
        let person = try await toolbox.person(email)
        let token = try await toolbox.signingIn.makeLink(for: person.id, in: person.tenant, by: nil)
        print("\(address.hasSuffix("/") ? String(address.dropLast()) : address)/welcome?link=\(token.text)")
    }
}

struct KeyCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Makes an API key that acts as a person; it is printed once.")

    @OptionGroup var options: DataOptions

    @Option(help: "The person's e-mail address.")
    var email: String

    @Option(help: "What the key is for.")
    var name: String

    @Option(help: "Days until it ends, at most 365.")
    var days: Int64 = 90

    @Option(help: "A role of the person that the key is limited to; may be given more than once. All unless given.")
    var role: [String] = []

    @Option(help: "A tenant that the key is limited to; may be given more than once. All unless given.")
    var tenant: [String] = []

    func work(_ toolbox: Toolbox) async throws {
        let person = try await toolbox.person(email)
        let wish = SigningIn.KeyWish(name: name, days: days, roles: role, tenants: tenant)
        print(try await toolbox.signingIn.makeKey(wish, for: person.id, in: person.tenant, by: nil).text.text)
    }
}

struct AuditKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit-key", abstract: "Shows the public keys of the audit logs, or adds a new one.",
        discussion: """
            The two newest keys sign every checkpoint. A running server takes a new key up when it is started again.
            """)

    @OptionGroup var options: DataOptions

    @Flag(help: "Make a new key; older ones stay, for what they signed.")
    var rotate = false

    func run() throws {
        do {
            let paths = options.paths
            try paths.make()
            var ring = try KeyRing.loadOrCreate(paths.auditKeys)
            if rotate {
                print("Key \(try KeyRing.rotate(paths.auditKeys)) signs from the next start on.")
                ring = try KeyRing.load(paths.auditKeys)
            }
            for (version, key) in zip(ring.versions.reversed(), SigningRing(ring).keys) {
                print("\(version) \(Base64.encode(key.publicKey.bytes))")
            }
        } catch {
            throw complain(error)
        }
    }
}

struct SecretCommand: DatabaseCommand {
    static let configuration = CommandConfiguration(
        commandName: "secret", abstract: "Stores a connection secret, read from standard input.")

    @OptionGroup var options: DataOptions

    @Option(help: "The tenant's folder name.")
    var tenant: String

    @Option(help: "The secret's name, as connections refer to it.")
    var name: String

    func work(_ toolbox: Toolbox) async throws {
        guard let scope = try await toolbox.scopes.scope(slug: tenant) else {
            throw Refusal(.notFound, reason: "tenant.unknown", "There is no tenant \(tenant).")
        }
        guard let value = readLine(strippingNewline: true) else {
            throw Refusal(.invalid, reason: "secret.missing", "Give the secret as a line on standard input.")
        }
        try await toolbox.applying.setSecret(value, name: name, in: scope.id, by: nil)
        print("The secret \(name) of \(scope.name) is set.")
    }
}

/// Who may import whom: the arrows between rooms, written down once. The manifest and the imports are both checked against it.
///
/// An arrow that is missing here is a decision that has not been taken; adding one changes the architecture.
enum Rooms {
    private static let domain: Set<String> = [
        "Finance", "Expressions", "Policies", "Workflows", "Tenancy", "Branding", "ServiceLevels", "Incidents", "Assistance",
        "Evidence", "Reports",
    ]

    /// The most that each room may use, of ours and of packages.
    static let allowed: [String: Set<String>] = [
        "CPostgres": [], "CCurl": [], "CLibXML2": [], "COpenSSL": [], "CLinux": [],
        "CCurlShims": ["CCurl"], "CXML": ["CLibXML2"],

        "Kernel": [],

        "Finance": ["Kernel"],
        "Expressions": ["Kernel"],
        "Policies": ["Kernel", "Expressions", "Finance"],
        "Workflows": ["Kernel", "Expressions", "Policies", "Finance"],
        // A rota and a calendar are configuration too, so their documents are read into what the clocks compute with.
        "Tenancy": ["Kernel", "ServiceLevels", "Branding"],
        "Branding": ["Kernel"],
        "ServiceLevels": ["Kernel"],
        "Incidents": ["Kernel"],
        "Assistance": ["Kernel", "Finance", "Expressions"],
        "Evidence": ["Kernel"],
        // A report is made of clocks and of incidents, and neither knows of it.
        "Reports": ["Kernel", "ServiceLevels", "Incidents"],

        "Assets": domain.union(["Kernel", "Connectors", "Yams", "CYaml"]),
        "Formats": ["Kernel", "Finance", "CXML"],
        "Seals": ["Kernel", "COpenSSL"],
        "Postgres": ["Kernel", "CPostgres", "CLinux", "Logging"],
        "Records": domain.union(["Kernel", "Postgres", "Seals", "Logging"]),
        // Signs requests with the libcrypto that libcurl brings along; the worker must not hold the room of seals for it.
        "Curl": ["Kernel", "CCurl", "CCurlShims", "COpenSSL"],
        "Connectors": ["Kernel", "Finance", "Expressions"],
        "Telemetry": ["Kernel", "Logging"],

        "Handoff": ["Kernel", "Finance"],
        "Supervision": ["Kernel", "Handoff", "CLinux", "Telemetry", "Logging"],
        "WorkerLoop": ["Kernel", "Handoff", "Finance", "Expressions", "Connectors", "Curl", "CLinux", "Reader"],
        // The reader's protocol, shared by the program and by those who start it. Formats is linked by the program alone, so that
        // no process with a socket or a secret ever holds an XML parser.
        "Reader": ["Kernel", "Finance", "CLinux"],

        "Flow": domain.union(["Kernel", "Postgres", "Records", "Seals", "Telemetry", "Handoff", "Logging"]),

        "WebKernel": ["Kernel", "Hummingbird", "HTTPTypes", "NIOCore", "Logging"],
        "Console": domain.union(["Kernel", "Mustache"]),
        "API": domain.union([
            "Kernel", "Handoff", "Postgres", "Records", "Seals", "Telemetry", "Flow", "WebKernel", "Console", "Logging",
        ]),

        "Showcase": ["Kernel", "Finance", "Expressions", "Curl"],
        "countersignd": domain.union([
            "Kernel", "Assets", "Postgres", "Records", "Seals", "Telemetry", "Handoff", "Supervision", "Flow", "WebKernel", "API",
            "Console", "CLinux", "Hummingbird", "Logging", "ServiceLifecycle", "UnixSignals", "ArgumentParser",
        ]),
        "countersign": domain.union([
            "Kernel", "Assets", "Reader", "Seals", "Curl", "Connectors", "Showcase", "ArgumentParser",
        ]),
        "countersign-watchdog": [
            "Kernel", "Incidents", "Postgres", "Records", "Curl", "Telemetry", "Logging", "ArgumentParser",
        ],
        "countersign-worker": ["Kernel", "Finance", "WorkerLoop", "Reader"],
        "countersign-reader": ["Kernel", "Finance", "Formats", "Reader", "CLinux"],
        "countersign-launch": [],
        "erp-sandbox": ["Kernel", "WebKernel", "Logging", "ArgumentParser"],
    ]

    /// Modules of the toolchain that any room may import; each has a reason to need no permission.
    static let toolchain: Set<String> = ["Glibc", "Swift", "Synchronization"]

    /// Foundation costs 70 MB in a static program and brings its own zone rules and numbers. These rooms need it for one thing
    /// each: `Bundle.module` in Records and Console, Yams' types in Assets, and what the server and its API build on those.
    static let mayUseFoundation: Set<String> = ["Assets", "Records", "Console", "API", "countersignd"]

    /// Packages that exactly the named rooms may import, whatever the table above says.
    static let only: [String: Set<String>] = [
        "Hummingbird": ["WebKernel", "countersignd"], "NIOCore": ["WebKernel"], "HTTPTypes": ["WebKernel"],
        "Yams": ["Assets"], "CYaml": ["Assets"], "Mustache": ["Console"], "CPostgres": ["Postgres"],
        "CCurl": ["Curl", "CCurlShims"],
        "COpenSSL": ["Seals", "Curl"], "CXML": ["Formats"], "CLibXML2": ["CXML"],
    ]

    /// What must never be linked into a program, however indirectly: isolation must not depend on anyone's good behaviour.
    static let neverLinks: [String: Set<String>] = [
        "countersignd": ["Curl", "CCurl", "Formats", "CXML", "Reader", "WorkerLoop"],
        "countersign": ["Postgres", "CPostgres", "Records", "Flow", "Hummingbird", "WorkerLoop"],
        // It looks and calls; it decides nothing about tenants and opens nothing of theirs.
        "countersign-watchdog": ["Flow", "WorkerLoop", "Formats", "CXML", "Hummingbird", "Yams"],
        "countersign-worker": [
            "Postgres", "CPostgres", "Records", "Flow", "Seals", "Formats", "CXML", "Hummingbird", "Yams",
        ],
        "countersign-reader": ["Curl", "CCurl", "Postgres", "CPostgres", "Seals", "COpenSSL", "Handoff", "Hummingbird"],
        "erp-sandbox": ["Curl", "Postgres", "Flow", "Finance"],
    ]
}

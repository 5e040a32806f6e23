// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// A library of ours at `Sources/<folder>/<name>`; the arrows between rooms are checked by HouseTests.
func room(
    _ folder: String, _ name: String, uses: [Target.Dependency] = [], resources: [Resource]? = nil
) -> Target {
    let path = folder.isEmpty ? "Sources/\(name)" : "Sources/\(folder)/\(name)"
    return .target(
        name: name, dependencies: uses, path: path, exclude: ["README.md"], resources: resources,
        swiftSettings: strict)
}

func program(_ name: String, uses: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: uses, path: "Sources/Programs/\(name)", exclude: ["README.md"], swiftSettings: strict)
}

func tests(of name: String, uses: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + uses, path: "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: strict)
}

let cTargets: [Target] = [
    .systemLibrary(name: "CPostgres", path: "Sources/C/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CCurl", path: "Sources/C/CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLibXML2", path: "Sources/C/CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .target(name: "CCurlShims", dependencies: ["CCurl"], path: "Sources/C/CCurlShims"),
    .target(name: "COpenSSL", path: "Sources/C/COpenSSL", linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "CXML", dependencies: ["CLibXML2"], path: "Sources/C/CXML"),
    .target(name: "CLinux", path: "Sources/C/CLinux"),
]

let domain: [Target] = [
    room("", "Kernel"),
    room("Domain", "Finance", uses: ["Kernel"]),
    room("Domain", "Expressions", uses: ["Kernel"]),
    room("Domain", "Policies", uses: ["Kernel", "Expressions", "Finance"]),
    room("Domain", "Workflows", uses: ["Kernel", "Expressions", "Policies", "Finance"]),
    room("Domain", "ServiceLevels", uses: ["Kernel"]),
    room("Domain", "Branding", uses: ["Kernel"]),
    room("Domain", "Tenancy", uses: ["Kernel", "ServiceLevels", "Branding"]),
    room("Domain", "Incidents", uses: ["Kernel"]),
    room("Domain", "Evidence", uses: ["Kernel"]),
    room("Domain", "Reports", uses: ["Kernel", "ServiceLevels", "Incidents"]),
]

let edges: [Target] = [
    room(
        "Edges", "Assets",
        uses: [
            "Kernel", "Expressions", "Policies", "Workflows", "Tenancy", "Branding", "ServiceLevels", "Incidents", "Connectors",
            yams,
        ]),
    room("Edges", "Formats", uses: ["Kernel", "Finance", "CXML"]),
    room("Edges", "Seals", uses: ["Kernel", "COpenSSL"]),
    room("Edges", "Postgres", uses: ["Kernel", "CPostgres", "CLinux", logging]),
    room(
        "Edges", "Records",
        uses: ["Kernel", "Postgres", "Seals", logging],
        resources: [.copy("Migrations")]),
    room("Edges", "Curl", uses: ["Kernel", "CCurl", "CCurlShims", "COpenSSL"]),
    room("Edges", "Connectors", uses: ["Kernel", "Finance", "Expressions"]),
    room("Edges", "Telemetry", uses: ["Kernel", logging]),
]

let workers: [Target] = [
    room("Workers", "Handoff", uses: ["Kernel", "Finance"]),
    room("Workers", "Supervision", uses: ["Kernel", "Handoff", "CLinux", logging]),
    room("Workers", "WorkerLoop", uses: ["Kernel", "Handoff", "Finance", "Expressions", "Connectors", "Curl", "CLinux"]),
    room("Workers", "Reader", uses: ["Kernel", "Finance", "CLinux"]),
]

let flow: [Target] = [
    room(
        "", "Flow",
        uses: [
            "Kernel", "Finance", "Expressions", "Policies", "Workflows", "Tenancy", "Branding", "ServiceLevels", "Incidents",
            "Evidence", "Reports", "Postgres", "Records", "Seals", "Telemetry", "Handoff", logging,
        ])
]

let web: [Target] = [
    room("Web", "WebKernel", uses: ["Kernel", hummingbird, httpTypes, nioCore, logging]),
    room("Web", "Console", uses: ["Kernel", "Branding", mustache], resources: [.copy("Assets")]),
    room(
        "Web", "API",
        uses: [
            "Kernel", "Finance", "Workflows", "Policies", "Tenancy", "Branding", "ServiceLevels", "Incidents", "Evidence",
            "Handoff", "Records", "Reports",
            "Flow", "Seals", "Telemetry", "WebKernel", "Console", logging,
        ]),
]

let programs: [Target] = [
    program(
        "countersignd",
        uses: [
            "Kernel", "Assets", "Postgres", "Records", "Seals", "Flow", "Supervision", "Handoff", "Telemetry", "Tenancy",
            "Evidence",
            "WebKernel", "API", "Console", logging, lifecycle, signals, argumentParser,
        ]),
    program(
        "countersign",
        uses: [
            "Kernel", "Assets", "Expressions", "ServiceLevels", "Finance", "Tenancy", "Branding", "Evidence", "Workflows",
            "Seals",
            "Reader",
            "Reports", "Curl", "Showcase",
            argumentParser,
        ]),
    program(
        "countersign-watchdog",
        uses: ["Kernel", "Incidents", "Postgres", "Records", "Curl", "Telemetry", logging, argumentParser]),
    program("countersign-worker", uses: ["Kernel", "Finance", "Reader", "WorkerLoop"]),
    program("countersign-reader", uses: ["Formats", "Reader"]),
    program("erp-sandbox", uses: ["Kernel", "WebKernel", logging, argumentParser]),
    .executableTarget(
        name: "countersign-launch", path: "Sources/Programs/countersign-launch", exclude: ["README.md"]),
    room("Programs", "Showcase", uses: ["Kernel", "Finance", "Expressions", "Curl"]),
]

let testTargets: [Target] = [
    .target(name: "TestBasics", path: "Tests/TestBasics", exclude: ["README.md"], swiftSettings: strict),
    .target(
        name: "TestKit", dependencies: ["Kernel", "Postgres"], path: "Tests/TestKit", exclude: ["README.md"],
        swiftSettings: strict),
    tests(of: "Kernel", uses: ["TestBasics"]),
    tests(of: "Finance", uses: ["Kernel"]),
    tests(of: "Expressions", uses: ["Kernel", "TestBasics"]),
    tests(of: "Policies", uses: ["Kernel", "Finance", "Expressions"]),
    tests(of: "Workflows", uses: ["Kernel", "Policies", "Finance", "Expressions", "TestBasics"]),
    tests(of: "Branding", uses: ["Kernel", "TestBasics"]),
    tests(of: "Tenancy", uses: ["Kernel", "Branding", "ServiceLevels", "TestBasics"]),
    tests(of: "ServiceLevels", uses: ["Kernel", "TestBasics"], exclude: ["Vectors"]),
    tests(of: "Incidents", uses: ["Kernel", "TestBasics"]),
    tests(of: "Reports", uses: ["Kernel", "ServiceLevels", "Incidents", "Seals", "TestBasics"]),
    tests(of: "Evidence", uses: ["Kernel", "Seals", "TestBasics"]),
    tests(of: "Assets", uses: ["Kernel", "Tenancy", "Policies", "Workflows", "ServiceLevels", "TestBasics"]),
    tests(of: "Formats", uses: ["Kernel", "Finance", "Policies", "Reader", "Showcase", "TestBasics"]),
    tests(of: "Reader", uses: ["Kernel", "Finance", "Formats", "Showcase", "countersign-reader", "TestBasics"]),
    tests(of: "Seals", uses: ["Kernel", "TestBasics"]),
    tests(of: "Telemetry", uses: ["Kernel", logging]),
    tests(of: "Postgres", uses: ["Kernel", "TestKit", "TestBasics"]),
    tests(of: "Records", uses: ["Kernel", "Postgres", "TestKit"]),
    tests(of: "Connectors", uses: ["Kernel", "Finance", "Expressions", "Curl"]),
    tests(of: "Handoff", uses: ["Kernel"]),
    tests(of: "WorkerLoop", uses: ["Kernel", "Handoff", "Finance", "Connectors", "Curl", "TestBasics", "TestKit"]),
    tests(of: "Supervision", uses: ["Kernel", "Handoff"]),
    tests(
        of: "Flow",
        uses: [
            "Kernel", "Postgres", "Records", "TestKit", "Workflows", "Tenancy", "Policies", "Finance", "Handoff", "Seals",
            "Telemetry", "Incidents", "ServiceLevels", "Evidence", "Reports", logging, "TestBasics",
        ]),
    tests(of: "Console", uses: ["Kernel", "Branding", "Supervision", "TestBasics"]),
    tests(
        of: "API",
        uses: [
            "Kernel", "WebKernel", "Tenancy", "Flow", "Records", "Postgres", "TestKit", "Seals", "Telemetry", "Console",
            "Handoff", logging,
        ]),
    .testTarget(
        name: "FuzzTests",
        dependencies: [
            "Kernel", "Finance", "Expressions", "Policies", "Workflows", "Tenancy", "Assets", "Formats", "Showcase", "TestBasics",
        ], path: "Tests/FuzzTests", swiftSettings: strict),
    .testTarget(
        name: "HouseTests", path: "Tests/HouseTests", exclude: ["exceptions.txt"], swiftSettings: strict),
    .testTarget(
        name: "JourneyTests", dependencies: ["Kernel", "Seals", "TestKit", "TestBasics", "Showcase", "Curl"],
        path: "Tests/JourneyTests", swiftSettings: strict),
]

let package = Package(
    name: "countersign",
    products: [
        .executable(name: "countersignd", targets: ["countersignd"]),
        .executable(name: "countersign", targets: ["countersign"]),
        .executable(name: "countersign-watchdog", targets: ["countersign-watchdog"]),
        .executable(name: "countersign-worker", targets: ["countersign-worker"]),
        .executable(name: "countersign-reader", targets: ["countersign-reader"]),
        .executable(name: "countersign-launch", targets: ["countersign-launch"]),
        .executable(name: "erp-sandbox", targets: ["erp-sandbox"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: cTargets + domain + edges + workers + flow + web + programs + testTargets,
    cLanguageStandard: .gnu17
)

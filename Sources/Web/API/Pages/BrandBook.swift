internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy

/// The brand that a tenant sees: resolved field by field from tenant, partner and operator, and derived into one stylesheet.
struct BrandBook: Sendable {
    let resolved: ResolvedBrand
    let theme: BrandTheme
    /// Names this version of the stylesheet; a changed brand has another address.
    let version: String

    /// Stylesheets by version, for the route that serves them. Bounded; a forgotten one is made again by the next page.
    static let known = Locked<[String: String]>([:])
    static let knownMax = 500

    static func brand(of context: TenantContext, services: Services) async throws -> BrandBook {
        try await brand(of: context.scope, services: services)
    }

    static func brand(of scope: ScopeRow, services: Services) async throws -> BrandBook {
        var levels: [(row: ScopeRow, document: BrandDocument)] = []
        var next: TenantID? = scope.id
        while let id = next, levels.count < 4 {
            let row = try await services.scopes.scope(id)
            let assets = try await services.assets.current(for: id)
            var issues: [AssetIssue] = []
            if let asset = assets.all("brand").first(where: { $0.tenant == id }),
                let document = BrandDocument.parse(asset.content, issues: &issues)
            {
                levels.append((row, document))
            }
            next = row.parent
        }
        var named: [(scope: Tenancy.Scope, brand: BrandDocument)] = []
        for level in levels { named.append((try await services.access.node(of: level.row), level.document)) }
        return BrandBook(ResolvedBrand(named))
    }

    init(_ resolved: ResolvedBrand) {
        self.resolved = resolved
        let font: BrandTheme.HeadingFont =
            switch resolved.headingFont {
            case .system: .system
            case .inter: .inter
            case .serif: .bookSerif
            }
        let standard = BrandTheme.standard
        theme = BrandTheme.derive(
            primary: HexColor(resolved[.primary]) ?? standard.primary, accent: HexColor(resolved[.accent]) ?? standard.accent,
            radius: resolved.radius, headingFont: font)
        let css = theme.css
        version = String(SHA256.hexText(Array(css.utf8)).prefix(16))
        let version = version
        BrandBook.known.withLock { known in
            if known.count > BrandBook.knownMax { known = [:] }
            known[version] = css
        }
    }

    var stylesheet: String { "/brand/\(version).css" }

    func mark(home: String) -> BrandMark {
        BrandMark(
            name: resolved[.displayName], letters: resolved[.mark], stylesheet: stylesheet, legal: resolved[.footer], home: home)
    }
}

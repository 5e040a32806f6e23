internal import Branding
internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy

/// The brand that a scope's people see: resolved field by field from tenant, partner and operator, and derived into one
/// stylesheet.
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
        BrandBook(try await services.brands.resolved(for: scope))
    }

    init(_ resolved: ResolvedBrand) {
        self.resolved = resolved
        theme = resolved.theme
        let css = theme.css
        version = String(SHA256.hexText(Array(css.utf8)).prefix(16))
        let version = version
        BrandBook.known.withLock { known in
            if known.count > BrandBook.knownMax { known = [:] }
            known[version] = css
        }
    }

    /// What a person gets who has not chosen.
    var density: Frame.Density { Frame.Density(rawValue: resolved[.density]) ?? .compact }

    var stylesheet: String { "/brand/\(version).css" }

    /// `language` is that of the words on the page; `stylesheet` another address of the same, for previews.
    func mark(home: String, language: BrandLanguage = .en, stylesheet: String? = nil) -> BrandMark {
        func picture(_ field: BrandDocument.Field) -> String { resolved[field].isEmpty ? "" : "/brand-files/\(resolved[field])" }
        func link(_ label: String, _ field: BrandDocument.Field) -> BrandMark.Link? {
            let address = resolved[field, language]
            return address.isEmpty ? nil : BrandMark.Link(label: label, href: address)
        }
        return BrandMark(
            name: resolved[.displayName], letters: resolved[.mark], stylesheet: stylesheet ?? self.stylesheet,
            legal: resolved[.footer, language], home: home,
            logo: picture(.logoLight), logoDark: picture(resolved[.logoDark].isEmpty ? .logoLight : .logoDark),
            isPlated: resolved[.logoDark].isEmpty, icon: picture(resolved[.favicon].isEmpty ? .logoMark : .favicon),
            notice: resolved[.legalNotice, language],
            links: [
                link("Terms", .termsUrl), link("Privacy", .privacyUrl), link("Cookies", .cookieUrl), link("Help", .supportUrl),
            ].compactMap(\.self), product: resolved[.hideProductName] == "true" ? "" : "Countersign",
            signInTitle: resolved[.loginTitle, language], signInHint: resolved[.loginHint, language])
    }
}

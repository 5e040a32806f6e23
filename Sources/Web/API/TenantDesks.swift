package import Flow

/// The life of tenants: how they are brought in, and whether they may be worked in.
package struct TenantDesks: Sendable {
    package let onboardings: Onboardings
    let suspending: Suspending

    package init(_ platform: Platform, _ assets: AssetLibrary, _ scopes: ScopeDirectory, _ desk: CommandDesk) {
        onboardings = Onboardings(platform: platform, assets: assets, scopes: scopes)
        suspending = Suspending(platform: platform, desk: desk, scopes: scopes)
    }
}

extension Services {
    package var onboardings: Onboardings { tenants.onboardings }
    var suspending: Suspending { tenants.suspending }
}

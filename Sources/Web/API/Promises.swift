package import Flow
package import Seals

/// What is promised and whether it is kept: what people agree on, announce and correct, and what is left of it.
package struct Promises: Sendable {
    let contracting: Contracting
    let watch: ContractWatch
    let maintaining: Maintaining
    let correcting: Correcting
    let budgeting: Budgeting
    let heartbeats: Heartbeats

    package init(
        _ platform: Platform, _ assets: AssetLibrary, _ scopes: ScopeDirectory, _ desk: CommandDesk, _ signing: SigningRing
    ) {
        contracting = Contracting(platform: platform, assets: assets, signing: signing)
        watch = ContractWatch(platform: platform, scopes: scopes, desk: desk)
        maintaining = Maintaining(platform: platform, assets: assets, scopes: scopes, desk: desk)
        correcting = Correcting(platform: platform, looking: Looking(platform: platform, assets: assets), desk: desk)
        budgeting = Budgeting(platform: platform, scopes: scopes, assets: assets, desk: desk)
        heartbeats = Heartbeats(platform: platform, scopes: scopes, desk: desk)
    }
}

extension Services {
    package var contracting: Contracting { promises.contracting }
    package var contractWatch: ContractWatch { promises.watch }
    package var maintaining: Maintaining { promises.maintaining }
    package var correcting: Correcting { promises.correcting }
    package var budgeting: Budgeting { promises.budgeting }
    package var heartbeats: Heartbeats { promises.heartbeats }
}

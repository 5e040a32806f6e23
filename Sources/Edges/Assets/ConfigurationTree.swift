package import Kernel
package import Tenancy

/// A whole configuration folder: the operator, its partners and tenants, and every document of each.
package struct ConfigurationTree: Sendable {
    /// In reading order: operator, partners, tenants; inside a scope by kind and name.
    package let assets: [Asset]
    /// The pictures that brands name, as they will be served.
    package let pictures: [BrandPicture]

    package init(assets: [Asset], pictures: [BrandPicture] = []) {
        self.assets = assets
        self.pictures = pictures
    }

    /// Reads and checks `path`. Everything wrong comes back as issues in reading order; a tree with errors must not be applied.
    ///
    /// `runbooks` is the folder of runbooks, nil for none; `today` is the date against which their review dates are judged.
    package static func load(
        _ path: String, runbooks: String? = nil, today: CivilDate? = nil
    ) -> (
        tree: ConfigurationTree, issues: [LocatedIssue]
    ) {
        var loader = TreeLoader(root: path)
        loader.loadRoot()
        if let runbooks { loader.loadRunbooks(runbooks, today: today) }
        let tree = ConfigurationTree(assets: loader.assets, pictures: loader.pictures)
        let issues = loader.issues + CrossReferences(tree).issues() + SampleCheck(tree, loader.samples).issues()
        return (tree, issues.sorted(by: LocatedIssue.isInReadingOrder))
    }

    package var operatorFile: OperatorDocument? {
        for asset in assets { if case .operatorFile(let document)? = asset.content { return document } }
        return nil
    }

    package var partners: [PartnerDocument] {
        assets.compactMap { if case .partner(let document)? = $0.content { document } else { nil } }
    }

    package var tenants: [TenantDocument] {
        assets.compactMap { if case .tenant(let document)? = $0.content { document } else { nil } }
    }

    package func people(of scope: Scope) -> PeopleDocument? {
        for asset in assets where asset.scope == scope { if case .people(let document)? = asset.content { return document } }
        return nil
    }

    package func contracts(of scope: Scope) -> [(asset: Asset, contract: ContractDocument)] {
        assets.filter { $0.scope == scope }.compactMap { asset in
            if case .contract(let document)? = asset.content { (asset, document) } else { nil }
        }
    }

    /// The document of that kind and name that `scope` sees: its own, else its partner's, else the operator's.
    package func visible(_ kind: AssetKind, _ name: String, from scope: Scope) -> Asset? {
        var level: Scope? = scope
        while let here = level {
            if let found = assets.first(where: { $0.kind == kind && $0.name == name && $0.scope == here }) { return found }
            level = here.parent
        }
        return nil
    }

    /// Names of that kind that `scope` sees, nearest first; what a misspelt reference may have meant.
    package func visibleNames(_ kind: AssetKind, from scope: Scope) -> [String] {
        assets.filter { $0.kind == kind && $0.scope.covers(scope) }.sorted { $0.scope.level > $1.scope.level }.map(\.name)
    }

    /// The brand that people of `scope` see, with the source of each value.
    package func brand(of scope: Scope) -> ResolvedBrand {
        var levels: [(scope: Scope, brand: BrandDocument)] = []
        var level: Scope? = scope
        while let here = level {
            for asset in assets where asset.scope == here {
                if case .brand(let brand)? = asset.content { levels.append((here, brand)) }
            }
            level = here.parent
        }
        return ResolvedBrand(levels)
    }
}

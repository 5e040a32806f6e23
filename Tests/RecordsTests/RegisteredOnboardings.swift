import Kernel
import Postgres

@testable import Records

/// The statements about bringing tenants in, and about suspending them.
extension RegisteredStatement {
    static let onboardings: [RegisteredStatement] = {
        let id = OnboardingID(high: 11, low: 1)
        let registration = RegistrationRow(
            tenant: one.id, id: RegistrationID(high: 11, low: 2), slug: "ostwerk", name: "Ostwerk", partner: "harbour",
            registeredBy: one.person, registeredAt: now)
        let step = OnboardingStepRow(step: "brand", how: "skipped", at: now, by: one.person, reason: "Because.")
        return [
            app("OnboardingQueries.register", OnboardingQueries.register(registration)),
            app("OnboardingQueries.registrations", OnboardingQueries.registrations(tenant: one.id)),
            app("OnboardingQueries.registration", OnboardingQueries.registration(tenant: one.id, slug: "ostwerk")),
            app(
                "OnboardingQueries.withdraw",
                OnboardingQueries.withdraw(tenant: one.id, id: registration.id, by: one.person, at: now, reason: "Because.")),
            app(
                "OnboardingQueries.begin",
                OnboardingQueries.begin(OnboardingRow(tenant: one.id, id: id, startedAt: now, startedBy: one.person))),
            app("OnboardingQueries.find", OnboardingQueries.find(tenant: one.id)),
            app("OnboardingQueries.lock", OnboardingQueries.lock(tenant: one.id)),
            app("OnboardingQueries.steps", OnboardingQueries.steps(tenant: one.id)),
            app("OnboardingQueries.settle", OnboardingQueries.settle(tenant: one.id, onboarding: one.onboarding, step)),
            app("OnboardingQueries.complete", OnboardingQueries.complete(tenant: one.id, id: id, at: now)),
            app(
                "OnboardingQueries.facts",
                OnboardingQueries.facts(tenant: one.id, administrators: ["admin"], secrets: ["t"], connections: ["erp"])),
            app("OnboardingQueries.governed", OnboardingQueries.governed(tenant: one.id, from: now)),
            app(
                "OnboardingQueries.passed",
                OnboardingQueries.passed(tenant: one.id, connection: "erp", at: now, by: one.person)),
            app("TenantLifeQueries.lock", TenantLifeQueries.lock(tenant: one.id)),
            app("TenantLifeQueries.state", TenantLifeQueries.state(tenant: one.id)),
            app("TenantLifeQueries.set", TenantLifeQueries.set(tenant: one.id, state: "suspended")),
        ]
    }()
}

extension SampleTenant {
    var onboardingStatements: [SQL] {
        [
            OnboardingQueries.begin(OnboardingRow(tenant: id, id: onboarding, startedAt: Self.now, startedBy: person)),
            OnboardingQueries.settle(
                tenant: id, onboarding: onboarding,
                OnboardingStepRow(step: "document", how: "fact", at: Self.now, by: nil, reason: "")),
            OnboardingQueries.passed(tenant: id, connection: "erp", at: Self.now, by: person),
            OnboardingQueries.register(
                RegistrationRow(
                    tenant: id, id: RegistrationID(high: 7, low: number), slug: "to-come", name: "To come", partner: "p",
                    registeredBy: person, registeredAt: Self.now)),
        ]
    }
}

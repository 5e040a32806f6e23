/// The way in: e-mail and password of a local account. Fields are `email`, `password`, `next`.
package struct SignInPage: ConsolePage {
    package static let template = "sign-in"

    package let frame: Frame
    package let form: FormTarget
    /// What was typed before, so that nobody types it twice.
    package let email: String
    /// Where to go afterwards: a path of this server.
    package let next: String
    /// Why it was refused; says nothing about whether the account exists.
    package let refusal: String
    /// Address of the organisation's own sign-in; empty when there is none.
    package let organisation: String
    /// What that is called.
    package let organisationName: String
    /// False where only the organisation's own sign-in opens the door.
    package let asksPassword: Bool
    /// Whether what was typed is at fault, and not something elsewhere.
    package let marksFields: Bool

    package init(
        frame: Frame, form: FormTarget, email: String = "", next: String = "/", refusal: String = "",
        organisation: String = "", organisationName: String = "your organisation", asksPassword: Bool = true,
        marksFields: Bool = true
    ) {
        self.frame = frame
        self.form = form
        self.email = email
        self.next = next
        self.refusal = refusal
        self.organisation = organisation
        self.organisationName = organisationName
        self.asksPassword = asksPassword
        self.marksFields = marksFields && !refusal.isEmpty
    }
}

/// Asks whose people somebody is of, by the mail address; the field is `email`.
package struct OrganisationPage: ConsolePage {
    package static let template = "organisation"

    package let frame: Frame
    package let form: FormTarget
    package let email: String
    /// Where to go afterwards: a path of this server.
    package let next: String
    package let refusal: String

    package init(frame: Frame, form: FormTarget, email: String = "", next: String = "/", refusal: String = "") {
        self.frame = frame
        self.form = form
        self.email = email
        self.next = next
        self.refusal = refusal
    }
}

/// After signing out.
package struct SignedOutPage: ConsolePage {
    package static let template = "signed-out"

    package let frame: Frame
    package let signIn: String
    /// Where one signs out of the identity provider as well; empty where there is none.
    package let provider: String
    package let providerName: String

    package init(frame: Frame, signIn: String, provider: String = "", providerName: String = "") {
        self.frame = frame
        self.signIn = signIn
        self.provider = provider
        self.providerName = providerName
    }
}

/// A page that cannot be shown.
package struct ErrorPage: ConsolePage {
    package static let template = "error"

    package let frame: Frame
    /// `404`, `403`, `500`.
    package let status: String
    package let title: String
    /// What happened and what is safe.
    package let text: String
    package let wayOut: String
    package let wayOutHref: String
    package let reference: String

    package init(
        frame: Frame, status: String, title: String, text: String, wayOut: String = "", wayOutHref: String = "",
        reference: String = ""
    ) {
        self.frame = frame
        self.status = status
        self.title = title
        self.text = text
        self.wayOut = wayOut
        self.wayOutHref = wayOutHref
        self.reference = reference
    }

    /// Unknown host or unknown path without a person: no brand at all, since even a name would tell whose host it is.
    package static func notFound(stylesheet: String) -> ErrorPage {
        ErrorPage(
            frame: Frame(title: "Not found", brand: BrandMark(name: "", letters: "", stylesheet: stylesheet), isBare: true),
            status: "404",
            title: "Nothing is here", text: "The address may be old, or belong to someone else.")
    }

    /// An address inside the product that leads nowhere, or to what another tenant owns.
    package static func notFound(in frame: Frame) -> ErrorPage {
        ErrorPage(
            frame: frame, status: "404", title: "Nothing is here",
            text: "The address may be old, or belong to a scope you are not in.", wayOut: "Go to the start page",
            wayOutHref: frame.brand.home)
    }

    /// The person may not see or do this; `rule` says why and who may.
    package static func forbidden(in frame: Frame, rule: String, wayOut: String, href: String) -> ErrorPage {
        ErrorPage(frame: frame, status: "403", title: "You may not do this", text: rule, wayOut: wayOut, wayOutHref: href)
    }

    /// Our fault. The reference finds the log line.
    package static func broken(in frame: Frame, reference: String) -> ErrorPage {
        ErrorPage(
            frame: frame, status: "500", title: "This page could not be made",
            text:
                "Nothing was changed by opening it. If you had just decided something, look at the run before you decide again.",
            wayOut: "Try again", wayOutHref: "", reference: reference)
    }
}

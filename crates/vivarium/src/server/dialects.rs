//! The dialects at their places.

use std::sync::Arc;
use std::time::Duration;

use vivarium_http::{Dialect, Mount};
use vivarium_mfp::{MfpDialect, MfpParts, PrettyMfpDialect};
use vivarium_strategy::{StrategyDialect, StrategyParts};

use super::assembly::Assembly;
use crate::configuration::{Configuration, Mfp};

/// Both places of the Strategy dialect (contract 0.1).
const STRATEGY: [&str; 2] = ["/MicroStrategyLibrary/api", "/api"];

/// The place of the MobileFirst dialect (contract 1.1).
const MFP: &str = "/mfpadmin/management-apis/2.0";

/// All dialects over the use cases.
pub(crate) fn mounts(assembly: &Assembly, configuration: &Configuration) -> Vec<Mount> {
    let strategy = vivarium_strategy::router(StrategyParts {
        accounts: assembly.accounts.clone(),
        projects: assembly.projects.clone(),
        runtimes: assembly.runtimes.clone(),
        evaluations: assembly.evaluations.clone(),
        nodes: assembly.nodes.clone(),
        max_wait: Duration::from_secs(configuration.server.max_wait_seconds),
    });
    let dialect: Arc<dyn Dialect> = Arc::new(StrategyDialect);
    let at = |base| Mount { base, dialect: dialect.clone(), router: strategy.clone() };
    STRATEGY.into_iter().map(at).chain([mfp(assembly, &configuration.mfp)]).collect()
}

fn mfp(assembly: &Assembly, section: &Mfp) -> Mount {
    let product_version = section.product_version.clone();
    let parts = MfpParts {
        accounts: assembly.accounts.clone(),
        runtimes: assembly.runtimes.clone(),
        product_version: product_version.clone(),
    };
    if section.pretty_json {
        let dialect = Arc::new(PrettyMfpDialect { product_version });
        return Mount { base: MFP, dialect, router: vivarium_mfp::pretty_router(parts) };
    }
    Mount { base: MFP, dialect: Arc::new(MfpDialect { product_version }), router: vivarium_mfp::router(parts) }
}

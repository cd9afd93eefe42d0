//! Source distributions that mean well.

use vivarium_domain::runtime::PackageStatus;
use vivarium_python::PythonSettings;

use crate::house::{house, house_with};
use crate::index::Index;

const GOOD: &str =
    "def build_wheel(directory, settings=None, metadata=None):\n    return wheel(directory, NAME, 'X = 1')\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_package_without_a_wheel_is_built_once_and_kept() {
    let Some(house) = house().await else { return };
    assert_eq!(house.module("good", GOOD).await, "X = 1");
    let kept = house.data.path().join("installer/wheels");
    let count = || std::fs::read_dir(&kept).unwrap().count();
    assert_eq!(count(), 1, "what was on the way is gone");
    house.index.add_wheel("beside");
    let report = house.build(&["beside", "good"]).await;
    assert!(report.packages.iter().all(|package| package.status == PackageStatus::Installed), "{report:?}");
    assert_eq!(report.packages[1].installed_version.as_deref(), Some("1.0"));
    assert_eq!(count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_distribution_may_be_a_zip_archive_in_a_directory_of_the_operator() {
    let (directory, index) = (Index::start(), Index::start());
    directory.add_project("zipped", GOOD);
    directory.rewrite_as_zip("zipped-1.0");
    let (address, link) = (index.address().to_owned(), directory.directory().to_str().unwrap().to_owned());
    let change = move |settings: &mut PythonSettings| {
        settings.installer.index_url = Some(address);
        settings.installer.find_links = vec![link];
    };
    let Some(house) = house_with(index, change).await else { return };
    let report = house.build(&["zipped"]).await;
    assert_eq!(report.packages[0].status, PackageStatus::Installed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn further_requirements_of_a_backend_are_installed_and_a_compiler_is_missed_plainly() {
    let Some(house) = house().await else { return };
    house.index.add_wheel("helper");
    let further = "def get_requires_for_build_wheel(settings=None):\n    return ['helper']\n\
                   def build_wheel(directory, settings=None, metadata=None):\n    import helper\n    \
                   return wheel(directory, NAME, helper.__name__)\n";
    assert_eq!(house.module("further", further).await, "helper");
    let compiled = "def build_wheel(directory, settings=None, metadata=None):\n    \
                    raise RuntimeError(\"command 'gcc' failed: No such file or directory\")\n";
    let text = house.refusal("compiled", compiled).await;
    assert!(text.contains("only pure Python packages can be built"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_package_is_built_with_its_own_build_system() {
    let Some(house) = house_with(Index::start(), |settings| settings.builds.source = Default::default()).await else {
        return;
    };
    let report = house.build(&["stringcase"]).await;
    if let Some(fault) = &report.fault {
        println!("skipped: no package index: {fault}");
        return;
    }
    assert_eq!(report.packages[0].status, PackageStatus::Installed, "{report:?}");
    let environment = report.serving.unwrap().environment;
    assert!(house.data.path().join("environments").join(environment).join("tree/stringcase.py").is_file());
}

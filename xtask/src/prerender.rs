//! The pages to write, until the page's own library says so.

pub struct Route {
    pub path: String,
    pub title: String,
    pub description: String,
}

pub fn routes() -> Vec<Route> {
    vec![Route {
        path: "/".into(),
        title: "The Field Rhymes".into(),
        description: "An explorable edition.".into(),
    }]
}

pub fn render(_path: &str, _base: &str) -> String {
    String::from("<main><h1>Hello</h1><p>text</p></main>")
}

//! The REST API for a person who reads: each address with its parameters, its answers and a line to
//! copy. Drawn from the OpenAPI document; no script, nothing from elsewhere.

use crate::document::Frame;
use crate::link;
use crate::view::{
    ApiAnswer, ApiField, ApiForm, ApiGroup, ApiOperation, ApiReference, ApiSchema, ApiShape,
    ApiWord,
};
use leptos::prelude::*;

pub fn frame(reference: ApiReference) -> Frame {
    let ApiReference {
        title,
        version,
        description,
        document,
        groups,
        schemas,
    } = reference;
    let contents = groups.iter().map(contents).collect_view();
    let names = schemas
        .iter()
        .map(|schema| {
            view! { <li><a href=["#", &link::schema(&schema.name)].concat()>{schema.name.clone()}</a></li> }
        })
        .collect_view();
    let groups = groups.into_iter().map(group).collect_view();
    let schemas = schemas.into_iter().map(schema).collect_view();
    let body = view! {
        <h1>"REST API"</h1>
        <p class="lede">{prose(&description)}</p>
        <p class="minor">
            {title} " " {version} " · the same as data: " <a href=document>"OpenAPI document"</a>
            " · words in capitals in an address are yours to fill in"
        </p>
        <nav class="contents" aria-label="On this page">
            {contents}
            <div>
                <p><a href="#schemas">"Schemas"</a></p>
                <ul class="schemas">{names}</ul>
            </div>
        </nav>
        {groups}
        <section aria-labelledby="schemas">
            <h2 id="schemas">"Schemas"</h2>
            {schemas}
        </section>
    };
    Frame {
        title: "REST API".into(),
        islands: false,
        downloads: false,
        body: body.into_any(),
    }
}

fn contents(group: &ApiGroup) -> AnyView {
    let operations = group
        .operations
        .iter()
        .map(|operation| {
            let address = ["#", &operation.anchor].concat();
            view! {
                <li>
                    <a href=address><span class="method">{operation.method.clone()}</span> " " <code>{operation.path.clone()}</code></a>
                </li>
            }
        })
        .collect_view();
    view! {
        <div>
            <p><a href=["#", &link::api_group(&group.name)].concat()>{group.name.clone()}</a></p>
            <ul>{operations}</ul>
        </div>
    }
    .into_any()
}

fn group(group: ApiGroup) -> AnyView {
    let anchor = link::api_group(&group.name);
    let operations = group.operations.into_iter().map(operation).collect_view();
    view! {
        <section aria-labelledby=anchor.clone()>
            <h2 id=anchor.clone()>{capital(&group.name)}</h2>
            <p>{prose(&group.description)}</p>
            {operations}
        </section>
    }
    .into_any()
}

fn operation(operation: ApiOperation) -> AnyView {
    let ApiOperation {
        anchor,
        method,
        path,
        summary,
        description,
        parameters,
        body,
        answers,
        curl,
    } = operation;
    let description = (!description.is_empty()).then(|| view! { <p>{prose(&description)}</p> });
    let parameters = (!parameters.is_empty()).then(|| {
        view! {
            <h4>"Parameters"</h4>
            {fields(parameters)}
        }
    });
    let body = body.map(|shape| {
        view! {
            <h4>"Sent"</h4>
            <p>{words(shape)} ", as JSON"</p>
        }
    });
    let answers = answers.into_iter().map(answer).collect_view();
    view! {
        <article class="operation" id=anchor.clone()>
            <h3>
                <a href=["#", &anchor].concat()><span class="method">{method}</span> " " <code>{broken(&path)}</code></a>
            </h3>
            <p>{prose(&summary)}</p>
            {description}
            <p class="curl"><code>{curl}</code></p>
            {parameters}
            {body}
            <h4>"Answers"</h4>
            <dl class="fields">{answers}</dl>
        </article>
    }
    .into_any()
}

fn answer(answer: ApiAnswer) -> AnyView {
    let ApiAnswer {
        status,
        description,
        kind,
        shape,
    } = answer;
    let kind = (!kind.is_empty()).then(|| view! { <span class="minor">{kind}</span> });
    view! {
        <div>
            <dt><code>{status}</code> " " {kind}</dt>
            <dd>{words(shape)} " " {prose(&description)}</dd>
        </div>
    }
    .into_any()
}

fn fields(fields: Vec<ApiField>) -> AnyView {
    let rows = fields
        .into_iter()
        .map(|field| {
            let place = [
                field.place.as_str(),
                if field.required { "required" } else { "" },
            ]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<&str>>()
            .join(", ");
            let place = (!place.is_empty()).then(|| view! { <span class="minor">{place}</span> });
            view! {
                <div>
                    <dt><code>{broken(&field.name)}</code> " " {place}</dt>
                    <dd>{words(field.shape)} " " <span class="note">{prose(&field.description)}</span></dd>
                </div>
            }
        })
        .collect_view();
    view! { <dl class="fields">{rows}</dl> }.into_any()
}

fn schema(schema: ApiSchema) -> AnyView {
    let anchor = link::schema(&schema.name);
    let forms = schema.forms.into_iter().map(form).collect_view();
    let description =
        (!schema.description.is_empty()).then(|| view! { <p>{prose(&schema.description)}</p> });
    view! {
        <article class="schema" id=anchor.clone()>
            <h3><a href=["#", &anchor].concat()><code>{broken(&schema.name)}</code></a></h3>
            {description}
            {forms}
        </article>
    }
    .into_any()
}

fn form(form: ApiForm) -> AnyView {
    let description = (!form.description.is_empty())
        .then(|| view! { <p class="minor">{prose(&form.description)}</p> });
    let shape = (!form.shape.is_empty()).then(|| view! { <p>{words(form.shape)}</p> });
    let rows = (!form.fields.is_empty()).then(|| fields(form.fields));
    view! {
        {description}
        {shape}
        {rows}
    }
    .into_any()
}

fn words(shape: ApiShape) -> AnyView {
    let words = shape
        .into_iter()
        .map(|word| match word {
            ApiWord::Text(text) => text.into_any(),
            ApiWord::Schema(name) => {
                let address = ["#", &link::schema(&name)].concat();
                view! { <a href=address>{name}</a> }.into_any()
            }
        })
        .collect_view();
    view! { <span class="shape">{words}</span> }.into_any()
}

/// Text with what stands between backticks as code.
fn prose(text: &str) -> AnyView {
    text.split('`')
        .enumerate()
        .map(|(index, part)| {
            let part = part.to_owned();
            if index % 2 == 1 {
                view! { <code>{part}</code> }.into_any()
            } else {
                part.into_any()
            }
        })
        .collect_view()
        .into_any()
}

/// A long name that may break after each slash and underscore, where else it would widen a phone's page.
fn broken(name: &str) -> AnyView {
    name.split_inclusive(['/', '_'])
        .map(|part| view! { {part.to_owned()} <wbr /> })
        .collect_view()
        .into_any()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters
        .next()
        .map(|first| first.to_uppercase().to_string())
        .unwrap_or_default();
    [&first, letters.as_str()].concat()
}

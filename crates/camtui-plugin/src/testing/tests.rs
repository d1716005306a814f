//! The made-up session answers what it was told, and refuses what camtui refuses.

use super::{FakeSession, Question};
use crate::{Description, Error, Explainer, Map, Param, Params, Place, Rule, Session};

/// An explainer that is a function of the session.
struct Asks<F>(F);

impl<F> Explainer for Asks<F>
where
    F: Fn(&Session<'_>, &Params<'_>) -> Result<Vec<f32>, Error> + Send + Sync + 'static,
{
    fn describe() -> Description {
        Description::new("asks", "Asks")
            .param(Param::int("steps", 3).range(1..=5))
            .param(Param::float("sigma", 0.5).range(0.0..=1.0))
            .param(Param::choice("fill", "mean", ["mean", "black"]))
            .param(Param::bool("absolute", false))
            .param(Param::text("words", "none"))
    }

    fn explain(&self, session: &Session<'_>, params: &Params<'_>) -> Result<Map, Error> {
        let values = (self.0)(session, params)?;
        Ok(Map::new(1, values.len(), values).with_note("asked"))
    }
}

fn ask<F>(session: &FakeSession, question: F) -> Result<Vec<f32>, String>
where
    F: Fn(&Session<'_>, &Params<'_>) -> Result<Vec<f32>, Error> + Send + Sync + 'static,
{
    session.explain(&Asks(question)).map(|map| map.values().to_vec()).map_err(|error| error.to_string())
}

fn session() -> FakeSession {
    FakeSession::new(2)
        .input([1, 1, 2], [3.0, 4.0])
        .layer("early", [1, 2, 2], [1.0, 2.0, 3.0, 4.0])
        .layer("late", [2, 1, 1], [5.0, 6.0])
        .gradient("late", [0.5, -0.5])
}

#[test]
fn everything_it_was_told_comes_back_with_its_shape() {
    let told = session()
        .logits([7.0, 8.0])
        .image_gradient([0.1, 0.2])
        .layer_bias("late", [9.0, 10.0])
        .linear_head("late", [1.0, 2.0, 3.0, 4.0], Some(vec![0.5, 0.25]))
        .pixel_range([-1.0], [2.0])
        .random_seed(5);
    let all = ask(&told, |s, _| {
        let layer = s.layer()?;
        assert_eq!((layer.name(), layer.shape(), layer.has_gradient()), ("late", &[2, 1, 1][..], true));
        assert!(!s.layers()?[0].has_gradient() && !s.layer_was_named());
        assert_eq!((s.target(), s.classes(), s.random_seed()), (Some(0), 2, 5));
        let head = s.linear_head()?;
        assert_eq!(head.pooled.as_ref().map(|l| l.name().to_owned()).as_deref(), Some("late"));
        assert_eq!(head.weights.shape(), [2, 2]);
        assert_eq!(s.activation(&layer)?.shape(), [1, 2, 1, 1]);
        assert_eq!(s.input()?.shape(), [1, 1, 1, 2]);
        let parts = [
            s.input()?,
            s.logits()?,
            s.seed()?,
            s.activation(&layer)?,
            s.gradient(&layer)?,
            s.gradient(Place::Image)?,
            s.layer_bias(&layer)?,
            head.weights,
            head.bias.ok_or("no bias")?,
            s.pixel_range()?,
        ];
        Ok(parts.iter().flat_map(|view| view.data().to_vec()).collect())
    });
    let wanted = [
        3.0, 4.0, 7.0, 8.0, 1.0, 0.0, 5.0, 6.0, 0.5, -0.5, 0.1, 0.2, 9.0, 10.0, 1.0, 2.0, 3.0, 4.0, 0.5,
        0.25, -1.0, 2.0,
    ];
    assert_eq!(all.as_deref(), Ok(&wanted[..]));
}

#[test]
fn models_answer_for_each_item_of_a_batch() {
    let told = session()
        .model(|x| vec![x[0] + x[1], x[0] - x[1]])
        .tail("late", |a| vec![a[0], 2.0 * a[1]])
        .backward(|q: &Question<'_>| {
            let sign = if q.rule == Rule::Guided { -1.0 } else { 1.0 };
            let count = if q.layer == Some("late") { 2 } else { q.values.len() };
            vec![sign * q.seed[1] * q.values[0]; count]
        });
    let logits = ask(&told, |s, _| {
        let whole = s.logits()?;
        let others = s.forward(&[2, 1, 1, 2], &[1.0, 2.0, 10.0, 20.0])?;
        assert_eq!(others.shape(), [2, 2]);
        let tail = s.forward_from(&s.layer()?, &[2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0])?;
        Ok([whole.data(), others.data(), tail.data()].concat())
    });
    assert_eq!(logits.as_deref(), Ok(&[7.0, -1.0, 3.0, -1.0, 30.0, -10.0, 1.0, 4.0, 3.0, 8.0][..]));
    let gradients = ask(&told, |s, _| {
        let layer = s.layer()?;
        let own = s.gradient(&layer)?;
        let other = s.gradient_of(&layer, &[0.0, 2.0], Rule::Guided)?;
        let at = s.gradient_at(&[1, 1, 1, 2], &[9.0, 0.0], Place::Image, &[0.0, 1.0], Rule::Plain)?;
        let from = s.gradient_from(&layer, &[1, 2, 1, 1], &[4.0, 0.0], &[0.0, 1.0], Rule::Plain)?;
        assert_eq!((at.shape(), from.shape()), (&[1, 1, 1, 2][..], &[1, 2, 1, 1][..]));
        Ok([own.data(), other.data(), at.data(), from.data()].concat())
    });
    assert_eq!(gradients.as_deref(), Ok(&[0.5, -0.5, -6.0, -6.0, 9.0, 9.0, 4.0, 4.0][..]));
}

#[test]
fn what_it_was_not_told_is_a_sentence() {
    let says = |words: &str, answer: Result<Vec<f32>, String>| {
        let sentence = answer.unwrap_err();
        assert!(sentence.contains(words), "{sentence}");
    };
    says(
        "`gradient` or `image_gradient`",
        ask(&session(), |s, _| Ok(s.gradient(Place::Image)?.data().to_vec())),
    );
    says("`model`", ask(&session(), |s, _| Ok(s.forward(&[1, 1, 1, 2], &[0.0; 2])?.data().to_vec())));
    says("expected", ask(&session(), |s, _| Ok(s.forward(&[1, 1, 1, 3], &[0.0; 3])?.data().to_vec())));
    says("`pixel_range`", ask(&session(), |s, _| Ok(s.pixel_range()?.data().to_vec())));
    says("`linear_head`", ask(&session(), |s, _| Ok(s.linear_head()?.weights.data().to_vec())));
    says("`layer_bias`", ask(&session(), |s, _| Ok(s.layer_bias(&s.layer()?)?.data().to_vec())));
    says("no layer", ask(&FakeSession::new(1), |s, _| Ok(s.activation(&s.layer()?)?.data().to_vec())));
    let short = session().model(|_| vec![1.0]);
    says("gave 1 values", ask(&short, |s, _| Ok(s.forward(&[1, 1, 1, 2], &[0.0; 2])?.data().to_vec())));
    let breaks = session().model(|x| vec![x[7], 0.0]);
    says("panicked", ask(&breaks, |s, _| Ok(s.forward(&[1, 1, 1, 2], &[0.0; 2])?.data().to_vec())));
}

/// Its further map has fewer values than it says.
struct Short;

impl Explainer for Short {
    fn describe() -> Description {
        Description::new("short", "Short")
    }
    fn explain(&self, _: &Session<'_>, _: &Params<'_>) -> Result<Map, Error> {
        Ok(Map::new(1, 1, vec![0.0]).with_channel("second", 2, 2, vec![0.0]))
    }
}

#[test]
fn maps_are_refused_as_camtui_refuses_them() {
    assert!(ask(&session(), |_, _| Ok(vec![1.0, f32::NAN])).unwrap_err().contains("1 of 2"));
    assert!(ask(&session(), |_, _| Ok(vec![])).unwrap_err().contains("1×0"));
    assert!(session().explain(&Short).unwrap_err().to_string().contains("`second`"));
}

#[test]
fn parameters_have_defaults_and_the_described_ranges() {
    let given = |session: &FakeSession| {
        ask(session, |_, p| {
            let words = (p.choice("fill")?.len() + p.text("words")?.len()) as f32;
            Ok(vec![
                p.int("steps")? as f32,
                p.float("sigma")? as f32,
                f32::from(u8::from(p.bool("absolute")?)),
                words,
            ])
        })
    };
    assert_eq!(given(&session()).as_deref(), Ok(&[3.0, 0.5, 0.0, 8.0][..]));
    let set = session().param("steps", 5).param("sigma", 1).param("fill", "black").param("absolute", true);
    assert_eq!(given(&set.param("words", "")).as_deref(), Ok(&[5.0, 1.0, 1.0, 5.0][..]));
    for (key, bad) in [("steps", 6), ("sigma", -1), ("absolute", 1), ("words", 1), ("fill", 0), ("step", 3)] {
        let sentence = given(&session().param(key, bad)).unwrap_err();
        assert!(sentence.contains(&format!("`{key}`")), "{sentence}");
    }
    assert!(given(&session().param("fill", "white")).unwrap_err().contains("mean, black"));
}

#[test]
fn a_cancelled_session_answers_nothing_more() {
    let session = session().cancel_at(0.5);
    let answer = session.explain(&Asks(|s: &Session<'_>, _: &Params<'_>| {
        for step in 0..10 {
            s.progress(step as f32 / 10.0)?;
            s.input()?;
        }
        Ok(vec![0.0])
    }));
    assert_eq!(answer, Err(Error::Cancelled));
    assert_eq!(session.told(), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
}

#[test]
fn a_contrast_has_no_target_and_a_named_layer_is_the_users() {
    let told = session().seed([1.0, -1.0]).choose("early");
    let values = ask(&told, |s, _| {
        assert!(s.target().is_none() && s.layer_was_named());
        Ok(s.activation(&s.layer()?)?.data().to_vec())
    });
    assert_eq!(values.as_deref(), Ok(&[1.0, 2.0, 3.0, 4.0][..]));
}

#[test]
#[should_panic(expected = "3 values do not fit")]
fn a_wrong_number_of_values_is_told_where_the_test_is_written() {
    let _ = FakeSession::new(1).layer("conv", [1, 2, 2], [0.0; 3]);
}

"""Tells whether a review praises or blames: logistic regression on tf-idf, as a control file of mlopen."""

import csv
import os

from mlopenapp.pipelines.text import cleaning
from mlopenapp.utils import io_handler as io
from mlopenapp.utils import plotter
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

WORDS = {1: "praise", 0: "blame"}


def get_params(run=True):
    if run:
        return {"threshold": ("float", {"default": 0.5})}
    return {"strength": ("float", {"default": 10.0}), "word pairs": ("bool", {"default": True})}


def train(inpt, params=None):
    inpt.open("r")
    rows = list(csv.DictReader(inpt))
    texts = [cleaning.clean(row["review"]) for row in rows]
    tfidf = TfidfVectorizer(ngram_range=(1, 2 if params["word pairs"] else 1), sublinear_tf=True)
    model = LogisticRegression(C=params["strength"])
    model.fit(tfidf.fit_transform(texts), [int(row["praise"]) for row in rows])
    io.save_pipeline([(model, "logreg_model")], [(tfidf, "tfidf_vect")], os.path.basename(__file__))


def run_pipeline(input, model, args, params=None):
    input.open("r")
    reviews = [line.strip() for line in input.readlines() if line.strip()]
    chances = model.predict_proba(args["tfidf_vect"].transform([cleaning.clean(one) for one in reviews]))[
        :, 1
    ]
    found = [WORDS[int(chance >= params["threshold"])] for chance in chances]
    preds = {
        "data": [
            [review, found[place], round(float(chances[place]), 3)] for place, review in enumerate(reviews)
        ],
        "columns": ["Review", "Sentiment", "Chance of praise"],
        "graphs": [],
        "text": f"<p><b>{found.count('praise')}</b> of {len(found)} reviews praise.</p>",
    }
    preds["graphs"].append(
        plotter.pie_plot_from_lists(
            labels=["praise", "blame"],
            values=[found.count("praise"), found.count("blame")],
            title="Reviews that praise, and that blame",
        )
    )
    order = sorted(chances)
    preds["graphs"].append(
        plotter.plotlify_scatter_js(
            x=list(range(1, len(order) + 1)),
            y=order,
            xtag="review",
            ytag="chance of praise",
            description="From the most blame to the most praise",
        )
    )
    return preds

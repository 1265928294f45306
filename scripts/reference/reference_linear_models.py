"""Linear models by scikit-learn: linear_models/CASE/{x, y or labels, weight, bias, cost}."""

import warnings

import numpy as np
import torch
from reference_file import labels, uniform
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge


def tensor(value):
    return torch.tensor(np.asarray(value), dtype=torch.float64)


def add_regression(reference, name, model, shape, outputs, ridge=0.0):
    key = f"linear_models/{name}"
    x = uniform(f"{key}/x", shape)
    truth = uniform(f"{key}/truth", (outputs, shape[1]))
    y = x @ truth.T + uniform(f"{key}/errors", (shape[0], outputs), -0.5, 0.5) + 3.0
    model.fit(x.numpy(), y.numpy())
    weight = tensor(model.coef_).reshape(outputs, -1)
    bias = tensor(np.broadcast_to(model.intercept_, (outputs,)).copy())
    cost = ((x @ weight.T + bias - y) ** 2).sum() + ridge * (weight**2).sum()
    reference.add_all(key, x=x, y=y, weight=weight, bias=bias, cost=cost)
    reference.note(key, ridge=ridge, bias=model.fit_intercept)


def add_classifier(reference, name, shape, classes, l2, bias):
    key = f"linear_models/{name}"
    x = uniform(f"{key}/x", shape)
    target = labels(f"{key}/labels", shape[0], classes)
    model = LogisticRegression(
        C=1.0 / l2, fit_intercept=bias, solver="newton-cg", tol=1e-13, max_iter=10000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its line search ends at the precision of the numbers
        model.fit(x.numpy(), target.numpy())
    reference.add_all(
        key, x=x, labels=target, weight=tensor(model.coef_), bias=tensor(model.intercept_)
    )
    reference.note(key, l2=l2, bias=bias, classes=classes)


def add_linear_models(reference):
    plain = LinearRegression
    add_regression(reference, "linear", plain(), (20, 4), 1)
    add_regression(reference, "linear_two_outputs", plain(), (20, 4), 2)
    add_regression(reference, "linear_no_bias", plain(fit_intercept=False), (20, 4), 1)
    add_regression(reference, "linear_wide", plain(), (5, 9), 1)
    add_regression(reference, "ridge", Ridge(alpha=2.5), (20, 4), 2, 2.5)
    add_regression(reference, "ridge_no_bias", Ridge(alpha=0.5, fit_intercept=False), (20, 4), 1, 0.5)
    add_regression(reference, "ridge_wide", Ridge(alpha=0.5), (6, 9), 1, 0.5)
    add_classifier(reference, "logistic", (30, 3), 2, 0.5, True)
    add_classifier(reference, "logistic_no_bias", (30, 3), 2, 2.0, False)
    add_classifier(reference, "softmax", (40, 3), 4, 0.5, True)
    add_classifier(reference, "softmax_no_bias", (40, 3), 3, 2.0, False)

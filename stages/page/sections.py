"""What each section of the report asks and finds, in English and Spanish.

A study that describes another report has other sections, or gives its own texts here.
"""

from typing import NamedTuple

Text = tuple[str, str]  # English, Spanish


class Section(NamedTuple):
    """A section of the report: its title, its question and, in a sentence or two, its answer."""

    title: Text
    question: Text
    answer: Text


SECTIONS = {
    "1.2": Section(
        ("BaseNet", "BaseNet"),
        (
            "How far does a small network of two convolutions and two dense layers get?",
            "¿Hasta dónde llega una red pequeña de dos convoluciones y dos capas densas?",
        ),
        (
            "To about 0.42 on the test images, which is poor. Validation flattens as overfitting begins.",
            "A una exactitud de 0,42 en test, un resultado pobre. La validación se estanca cuando empieza el"
            " sobreajuste.",
        ),
    ),
    "2.1": Section(
        ("Normalisation", "Normalización de los datos"),
        (
            "Does it help to give the inputs mean 0 and standard deviation 1?",
            "¿Ayuda que los datos de entrada tengan media 0 y desviación típica 1?",
        ),
        (
            "Training improves, validation hardly does, and overfitting sets in. It is kept to make training"
            " more robust.",
            "Mejora el entrenamiento, apenas la validación, y aparece sobreajuste. Se mantiene para dar"
            " robustez"
            " al entrenamiento.",
        ),
    ),
    "2.2": Section(
        ("Data augmentation", "Aumento de los datos"),
        (
            "Which random changes of the training images help the network to generalise?",
            "¿Qué transformaciones aleatorias de las imágenes ayudan a la red a generalizar?",
        ),
        (
            "No range of zoom beats normalisation alone. Horizontal flips help most: a validation accuracy of"
            " almost 0.45 in place of 0.40.",
            "Ningún rango de zoom mejora la normalización sola. Lo que más ayuda es el volteo horizontal: una"
            " exactitud en validación de casi 0,45 en lugar de 0,40.",
        ),
    ),
    "2.3": Section(
        ("Depth", "Aumento de la profundidad de la red"),
        (
            "Do four convolutions of 3×3 with more filters improve on two of 5×5?",
            "¿Mejoran cuatro convoluciones de 3×3 con más filtros a dos de 5×5?",
        ),
        (
            "Both deeper networks overfit heavily: all training images are learnt, validation hardly"
            " improves.",
            "Las dos redes más profundas sobreajustan mucho: aprenden todas las imágenes de entrenamiento,"
            " pero"
            " la validación apenas mejora.",
        ),
    ),
    "2.4": Section(
        ("Dropout", "Dropout"),
        ("Does dropout remove the overfitting?", "¿Elimina el dropout el sobreajuste?"),
        (
            "Yes. Validation follows training, with a loss of almost 1.5 and an accuracy a little above 0.5.",
            "Sí. La validación sigue al entrenamiento, con una pérdida de casi 1,5 y una exactitud algo"
            " superior"
            " a 0,5.",
        ),
    ),
    "2.5": Section(
        ("More epochs", "Aumento de épocas"),
        ("Does it help to train for twice as long?", "¿Ayuda entrenar el doble de épocas?"),
        (
            "Validation accuracy rises to about 0.6 while the loss stays near 1.5. The second network is"
            " chosen,"
            " as its validation stays closer to training.",
            "La exactitud en validación sube hasta cerca de 0,6 y la pérdida se mantiene en torno a 1,5. Se"
            " elige"
            " la segunda red, cuya validación queda más cerca del entrenamiento.",
        ),
    ),
    "2.6": Section(
        ("Batch normalisation", "Batch Normalization"),
        (
            "Does batch normalisation work better before or after the activation?",
            "¿Funciona mejor la normalización por lotes antes o después de la activación?",
        ),
        (
            "Before it: a validation loss of about 1.15 and an accuracy between 0.6 and 0.7. After it,"
            " overfitting grows.",
            "Antes: una pérdida en validación cercana a 1,15 y una exactitud entre 0,6 y 0,7. Después de ella"
            " aumenta el sobreajuste.",
        ),
    ),
    "2.7": Section(
        ("The final model", "Estimación del modelo final"),
        (
            "How good is the network with all improvements on the test images?",
            "¿Cómo se comporta en test la red con todas las mejoras?",
        ),
        (
            "Reasonably good: an accuracy of 0.68, up from BaseNet's 0.42.",
            "Razonablemente bien: una exactitud de 0,68, frente a 0,42 de BaseNet.",
        ),
    ),
    "3.1.1": Section(
        ("Dense heads on ResNet50's features", "Clasificadores densos sobre ResNet50"),
        (
            "How far do dense layers get on features of ImageNet, for 200 species of birds?",
            "¿Hasta dónde llegan unas capas densas sobre características de ImageNet, con 200 especies de"
            " aves?",
        ),
        (
            "Not far: both heads overfit. A second dense layer with dropout takes 0.394 to 0.414.",
            "No muy lejos: los dos clasificadores sobreajustan. Una segunda capa densa con dropout pasa de"
            " 0,394"
            " a 0,414.",
        ),
    ),
    "3.1.2": Section(
        ("A convolutional head", "Clasificador convolucional"),
        (
            "Is it better to mix the feature map by a convolution first?",
            "¿Es mejor mezclar antes el mapa de características con una convolución?",
        ),
        (
            "It gives the best head, 0.471, and still overfits: more images would be needed.",
            "Da el mejor clasificador, 0,471, pero sigue sobreajustando: harían falta más imágenes.",
        ),
    ),
    "3.2": Section(
        ("Fine-tuning", "Ajuste fino"),
        (
            "Does it help to train the whole of ResNet50 for ten more epochs?",
            "¿Ayuda entrenar toda ResNet50 durante diez épocas más?",
        ),
        (
            "A little: from 0.414 to 0.446. The overfitting stays.",
            "Un poco: de 0,414 a 0,446. El sobreajuste no desaparece.",
        ),
    ),
    "4": Section(
        ("Bonus: optimizers", "Bonus: optimizadores"),
        (
            "Which optimizer suits the final network best?",
            "¿Qué optimizador le va mejor a la red final?",
        ),
        (
            "Adam. AdaGrad is too slow and AdaDelta the worst; RMSProp is close, but oscillates. With"
            " dropout of"
            " 50 to 60 %, Adam overfits less and reaches 0.75.",
            "Adam. AdaGrad es demasiado lento y AdaDelta el peor; RMSProp queda cerca, pero oscila. Con un"
            " dropout"
            " del 50 al 60 %, Adam sobreajusta menos y alcanza 0,75.",
        ),
    ),
}
OVERVIEW = Section(
    ("Variants", "Variantes"),
    ("How do the variants of this study compare?", "¿Cómo se comparan las variantes de este estudio?"),
    ("", ""),
)
BEYOND = Section(
    ("Beyond the report", "Más allá del informe"),
    (
        "What do variants give that the report does not have?",
        "¿Qué dan las variantes que no están en el informe?",
    ),
    ("", ""),
)

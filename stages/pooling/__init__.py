"""How a feature map becomes one vector, by the names that `pooling` of params.yaml takes."""

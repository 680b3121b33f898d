def custom_dataset(p): raise NotImplementedError
